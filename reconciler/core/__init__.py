"""The functional core: one verb per module, values in, values out. No I/O, clock, randomness or logging."""
