"""Desired beside observed and on record: what is due, what is stuck, what has drifted.

Once for hosts that are alike.
"""
