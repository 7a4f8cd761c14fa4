"""Waiting for what is sure to happen, however busy the computer is: no test depends on how soon."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 300.0
"""Seconds that anything may take, also on a computer that is busy with other things."""


def until(happened: Callable[[], object], said: Callable[[], str] = lambda: "it never came to that") -> None:
    """Waits for it. `said` gives what a failure is told with."""
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up, said()
        time.sleep(0.05)
