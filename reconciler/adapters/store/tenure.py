"""Holding a lease: renews it in a thread, and knows by itself when it can't be relied upon any more.

A holder that was paused or cut off must stop before the database gives its lease to another. So the end is reckoned on
this process's own steady clock, from the moment before each renewal was asked for, and comes earlier than the
database's. Must not know what is done under a lease.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.errors import ReconcilerError
from reconciler.model.lease import Lease

RENEW: Final = 0.25
"""A lease is renewed after this share of its time, and when that failed, tried again as often."""
FADING: Final = 0.6
"""After this share without a renewal nothing new is begun."""
OVER: Final = 0.8
"""After this share what was begun is ended. The rest is the time to do so, and what clocks may differ."""
LAST: Final = 0.95
"""After this share a process that still has not let go is stuck somewhere. It ends itself, and its children with it."""

Renew = Callable[[], bool]


@dataclass(slots=True)
class Tenure:
    """A lease while it is held. `seconds` is how long a renewal lasts, None for ever."""

    lease: Lease
    seconds: float | None
    renewed: float
    steady: Callable[[], float] = time.monotonic
    _gone: bool = False
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def epoch(self) -> int:
        return self.lease.epoch

    def fading(self) -> bool:
        """Whether it is too late to begin anything."""
        return self._gone or self._after(FADING)

    def over(self) -> bool:
        """Whether everything must be ended now. Once true, always true."""
        self._gone = self._gone or self._after(OVER)
        return self._gone

    def keep(self, renew: Renew, give_up: Callable[[], None]) -> None:
        """Renews until released or over; for a thread of its own. `give_up` is called when nobody let go in time."""
        assert self.seconds is not None
        while not self._released.wait(self.seconds * RENEW):
            if self._after(LAST):
                return give_up()
            if not self.over():
                self._renew(renew)
        return None

    def release(self) -> None:
        self._released.set()

    def _renew(self, renew: Renew) -> None:
        asked = self.steady()
        try:
            if renew():
                self.renewed = asked
            else:
                self._gone = True
        except ReconcilerError:
            return  # the database can't be reached: time decides

    def _after(self, share: float) -> bool:
        return self.seconds is not None and self.steady() - self.renewed >= self.seconds * share


@contextmanager
def held(lease: Lease, asked: float, seconds: float | None, renew: Renew) -> Iterator[Tenure]:
    """Holds a lease that was asked for at a moment of the steady clock. Giving it back is the caller's."""
    tenure = Tenure(lease, seconds, asked)
    thread = threading.Thread(target=tenure.keep, args=(renew, _end_process), name="lease", daemon=True)
    if seconds is not None:
        thread.start()
    try:
        yield tenure
    finally:
        tenure.release()
        if seconds is not None:
            thread.join()


def owner() -> str:
    """This process, for people who are refused."""
    return f"pid {os.getpid()} on {socket.gethostname()}"


def _end_process() -> None:
    sys.stderr.write("error: the lease ends and this process could not let go of it; it ends itself\n")
    sys.stderr.flush()
    os._exit(70)
