"""The store that workers work on. Its engine outlives every opening and everything that is in it, so what it has
compiled is there in each worker that is forked: to compile statements takes longer than to execute them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.adapters.store import SqlStore
from tests.stores import Backend, Place, emptied, place

LEASE = 60.0
"""Longer than any test: time passes when the run says so, not with the load of the machine."""


@dataclass
class Ground:
    """Opens the store when it is asked for, and again after it was closed."""

    place: Place
    _open: SqlStore | None = None
    _first: SqlStore | None = field(default=None, repr=False)
    _theirs: object = field(default=None, repr=False)

    @property
    def backend(self) -> Backend:
        return self.place.backend

    def store(self) -> SqlStore:
        if self._open is None:
            first = self._first
            self._open = SqlStore(first._database, first._tenancy) if first else self.place()
            self._first = self._first or self._open
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def part(self) -> None:
        """Before a fork: a file must not be open across it."""
        if self.backend == "sqlite":
            self.close()

    def disown(self) -> None:
        """After a fork, in the new process: what is open is the other one's. It is kept, so that nothing ends it."""
        if self._open is not None:
            engine = self._open._database.reader
            self._theirs = engine.pool
            engine.dispose(close=False)
            self._open = None

    def clear(self) -> None:
        """Everything in it is gone."""
        self.close()
        emptied(self.place)


@contextmanager
def ground(backend: Backend) -> Iterator[Ground]:
    """An empty store until the end of the block."""
    with place(backend) as here:
        here.lease = LEASE
        yield Ground(here)
