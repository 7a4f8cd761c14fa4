"""Tells what has been done while more is being done; how, others know.

Not each thing by itself: every message costs both ends some time, and most programs are through before anybody could
have read it.
"""

import time

PAUSE = 0.25
"""Seconds: who waits for longer is told."""


class Progress:
    """Collects outcomes, and hands those that were not told yet to `tell`, in order and each once."""

    def __init__(self, tell):
        self._tell = tell
        self._waiting = []
        self._began = self._last = time.monotonic()

    def add(self, number, outcome):
        """A work has ended."""
        self._waiting.append([number, *outcome])
        if time.monotonic() - self._last >= PAUSE:
            self.flush()

    def flush(self):
        """Now is the time: what comes next takes long."""
        self._last = time.monotonic()
        if self._waiting:
            self._tell(self._waiting)
            self._waiting = []

    def rest(self):
        """All works have ended. Where they took no time there is a reply next."""
        if time.monotonic() - self._began >= PAUSE:
            self.flush()
