"""The daemon's HTTP: health, readiness, metrics, webhooks. Thin: decides nothing, never touches the store or a host."""
