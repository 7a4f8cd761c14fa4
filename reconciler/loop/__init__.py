"""The order of stages: reads, observes, plans, applies through the ports. Knows no adapter and no command line."""
