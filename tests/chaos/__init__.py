"""Chaos: workers are killed at every point of a run, and what they leave behind is held against what hosts saw.

`python -m tests.chaos --seed N --kills 50000` runs it for longer; a seed that fails fails again.
"""
