"""The daemon's rules: what is to be done now, how long to wait, whether a webhook is real."""
