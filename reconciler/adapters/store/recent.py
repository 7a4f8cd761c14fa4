"""What was last read of hosts, as long as nobody has written it since: the next look reads what changed.

Knows nothing of what is read. Must be told of every write of its own connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
Load = Callable[[Collection[str] | None], dict[str, T]]
"""Reads these hosts, or all (None)."""

MOST = 20_000
"""Hosts that are remembered of those that are asked for by name: what a plan looks at, not a fleet."""


@dataclass(slots=True)
class Recent(Generic[T]):
    """`rows` counts hosts that were read. `mark` says what others had written (None: nobody can tell)."""

    rows: int = 0
    _mark: object = None
    _known: dict[str, T] = field(default_factory=dict)
    _asked: frozenset[str] = frozenset()
    _stale: set[str] = field(default_factory=set)
    _whole: bool = False

    def changed(self, hosts: Iterable[str]) -> None:
        """These were written."""
        self._stale.update(hosts)

    def all(self, mark: object, load: Load[T]) -> Mapping[str, T]:
        """Of every host."""
        if not self._current(mark) or not self._whole:
            known = load(None)
            self.rows += len(known)
        elif self._stale:
            found = load(self._stale)
            self.rows += len(self._stale)
            # What is read is handed out, so it is not changed in place.
            known = {**self._known, **found}
            for host in self._stale - found.keys():
                known.pop(host, None)
        else:
            known = self._known
        self._keep(mark, known, frozenset(), whole=True)
        return known

    def some(self, mark: object, hosts: Collection[str], load: Load[T]) -> Mapping[str, T]:
        """Of these hosts."""
        usable = self._asked - self._stale if self._current(mark) else frozenset()
        wanted = frozenset(hosts)
        missing = wanted - usable
        known = self._known
        there = known if known.keys() <= usable else {host: known[host] for host in usable if host in known}
        # What is read is handed out, so it is not changed in place.
        found = there | load(missing) if missing else there
        self.rows += len(missing)
        known = found if found.keys() <= wanted else {host: found[host] for host in wanted if host in found}
        if len(wanted | usable) <= MOST:
            self._keep(mark, found, wanted | usable)
        elif len(wanted) <= MOST:
            self._keep(mark, known, wanted)
        return known

    def _current(self, mark: object) -> bool:
        return mark is not None and mark == self._mark

    def _keep(self, mark: object, known: dict[str, T], asked: frozenset[str], *, whole: bool = False) -> None:
        self._mark, self._known, self._asked, self._whole = mark, known, asked, whole
        self._stale.clear()
