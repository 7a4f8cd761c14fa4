"""Documents to what refers to what: projects, selectors, requirements, pins.

What can't be used is held, with its root cause.
"""
