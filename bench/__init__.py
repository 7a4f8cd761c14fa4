"""Measurements: side by side with peers in one run, as ratios. Nothing here is shipped or asserted in tests."""
