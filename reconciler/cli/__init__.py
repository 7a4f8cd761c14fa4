"""The command line: one module per command, thin. Rules live in `core`, the order of stages in `loop`."""
