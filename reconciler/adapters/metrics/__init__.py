"""Prometheus metrics: `catalogue` says which there are, `recorder` counts."""
