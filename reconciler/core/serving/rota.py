"""Whose turn it is to be asked: every host at its own time, first those that just changed or failed, fair by project.

Keeps what it is told and draws no chance of its own. Must not know how hosts are asked.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from reconciler.core.serving.backoff import Backoff, spread

SHARE = 0.1
"""A host's interval is shorter or longer by up to this share, so that hosts asked together drift apart."""
TOGETHER = 60
"""Into so many moments of an interval turns are put together: to ask some hosts is hardly dearer than to ask one."""
_ANY = datetime.min.replace(tzinfo=UTC)
FAR = Backoff(timedelta(seconds=30), 2.0, timedelta(minutes=30))
"""How often a host is tried that does not answer."""


class Place(NamedTuple):
    """A host's project, and when it was asked last (None: never)."""

    project: str
    asked: datetime | None


@dataclass(slots=True)
class _Turn:
    project: str
    at: datetime
    tries: int = 0
    urgent: bool = False
    ready: bool = False


@dataclass(slots=True)
class Rota:
    """`chance` gives numbers in [0, 1). The cost follows the hosts whose turn it is, not all of them."""

    interval: timedelta
    chance: Callable[[], float]
    _turns: dict[str, _Turn] = field(default_factory=dict)
    _waiting: list[tuple[datetime, str]] = field(default_factory=list)
    _ready: dict[str, deque[str]] = field(default_factory=dict)

    def keep(self, hosts: Mapping[str, Place], now: datetime) -> None:
        """The hosts there are now. New ones come in where they stand by when they were asked last."""
        for gone in self._turns.keys() - hosts.keys():
            del self._turns[gone]
        for host, place in hosts.items():
            turn = self._turns.get(host)
            if turn is None:
                # An answer from the future was given before a clock was set back.
                asked = min(place.asked, now) if place.asked else None
                at = self._shared(asked + spread(self.interval, SHARE, self.chance())) if asked else now
                self._put(host, _Turn(place.project, at))
            elif turn.project != place.project:
                turn.project = place.project

    def due(self, now: datetime, limit: int) -> list[str]:
        """Up to so many hosts whose turn it is: one of each project in turn. They come again when they are answered
        for, or when nothing was heard for an interval."""
        self._collect(now)
        found: list[str] = []
        while len(found) < limit and self._ready:
            for project in sorted(self._ready):
                if len(found) < limit and (host := self._next(project)):
                    found.append(host)
        for host in found:
            self._put(host, _Turn(self._turns[host].project, now + self.interval, self._turns[host].tries))
        return found

    def answered(self, host: str, at: datetime, *, reached: bool) -> None:
        """The host was asked: it comes again after its interval, or sooner and sooner less if it can't be reached."""
        turn = self._turns.get(host)
        if turn is None:
            return
        turn.tries = 0 if reached else turn.tries + 1
        wait = spread(self.interval, SHARE, self.chance())
        if not reached:
            wait = min(wait, FAR.after(turn.tries, self.chance()))
        self._put(host, _Turn(turn.project, self._shared(at + wait), turn.tries))

    def soon(self, hosts: Iterable[str], at: datetime) -> None:
        """These just changed or failed: they come at that time, before all others."""
        for host in sorted(hosts):
            turn = self._turns.get(host)
            if turn is not None and not (turn.urgent and turn.at <= at):
                self._put(host, _Turn(turn.project, min(at, turn.at), turn.tries, urgent=True))

    @property
    def waiting(self) -> int:
        """Hosts whose turn has come and that were not asked yet."""
        return sum(len(queue) for queue in self._ready.values())

    @property
    def next_at(self) -> datetime | None:
        """When the next turn comes; the past if somebody's has come already."""
        while self._waiting and not self._valid(*self._waiting[0]):
            heapq.heappop(self._waiting)
        early = [self._turns[host].at for q in self._ready.values() if (host := q[0]) in self._turns]
        return min([*early, *(at for at, _ in self._waiting[:1])], default=None)

    def _shared(self, at: datetime) -> datetime:
        """The next moment that has turns of others too."""
        apart = self.interval / TOGETHER
        over = (at - _ANY) % apart
        return at + (apart - over) if over else at

    def _put(self, host: str, turn: _Turn) -> None:
        self._turns[host] = turn
        heapq.heappush(self._waiting, (turn.at, host))

    def _valid(self, at: datetime, host: str) -> bool:
        """Whether an entry of the heap still is what it was; others are left in it until they come up."""
        turn = self._turns.get(host)
        return turn is not None and turn.at == at and not turn.ready

    def _collect(self, now: datetime) -> None:
        """Moves those whose turn has come to their projects' queues."""
        while self._waiting and self._waiting[0][0] <= now:
            at, host = heapq.heappop(self._waiting)
            if self._valid(at, host):
                turn = self._turns[host]
                turn.ready = True
                queue = self._ready.setdefault(turn.project, deque())
                (queue.appendleft if turn.urgent else queue.append)(host)

    def _next(self, project: str) -> str | None:
        """The first of a project's queue that still waits there."""
        queue = self._ready[project]
        while queue:
            host = queue.popleft()
            turn = self._turns.get(host)
            if turn is not None and turn.ready:
                if not queue:
                    del self._ready[project]
                return host
        del self._ready[project]
        return None
