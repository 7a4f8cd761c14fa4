"""Frozen values that every layer shares. Knows no I/O, no clock, no library of another layer."""
