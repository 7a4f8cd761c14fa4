"""Judges hosts by several looks at their health after a batch: time to come up, then the time to bake.

Pure: looks and times in, a judgement out. Knows nothing of what is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

LOOKS = 20
"""About so many times every host is looked at while a batch bakes, however long that takes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds: how long a host may take to become healthy after its change, and the time between two looks."""

    to_come_up: float = 60
    between: float = 5


@dataclass(slots=True)
class Watch:
    """The hosts of a batch under watch from `begun` on. `unhealthy` are those that are given up, with why.

    A host has some time to become healthy. Once it was, two looks in a row at which it is not mean that it is not.
    """

    waiting: dict[str, None]
    begun: datetime
    bake: float
    patience: Patience
    unhealthy: dict[str, str] = field(default_factory=dict)
    _well: dict[str, int] = field(default_factory=dict)

    @classmethod
    def over(cls, hosts: Iterable[str], begun: datetime, bake: float, patience: Patience) -> Watch:
        return cls(dict.fromkeys(hosts), begun, bake, patience)

    def due(self, now: datetime) -> list[str]:
        """Whom to look at now: those that are not well yet; all others only while the batch bakes, or if the last
        look was bad."""
        baking = self.bake > 0 and self._passed(now) > 0
        return [*self.waiting, *(host for host, missed in self._well.items() if missed or baking)]

    def take(self, looks: Mapping[str, str], now: datetime) -> None:
        """Takes in what was seen: for each host what is wrong with it, or nothing."""
        for host, wrong in looks.items():
            if not wrong:
                self.waiting.pop(host, None)
                self._well[host] = 0
            elif host in self.waiting:
                if self._passed(now) >= self.patience.to_come_up:
                    del self.waiting[host]
                    self.unhealthy[host] = wrong
            elif self._well[host] == 0:
                self._well[host] = 1
            else:
                del self._well[host]
                self.unhealthy[host] = wrong

    def pause(self, now: datetime) -> float | None:
        """Seconds until the next look; None when nothing is left to wait for."""
        left = self.bake - self._passed(now)
        doubtful = bool(self.waiting) or any(self._well.values())
        if doubtful:
            return self.patience.between
        if left <= 0 or (self.unhealthy and not self._well):
            return None
        return min(left, max(self.patience.between, self.bake / LOOKS))

    def _passed(self, now: datetime) -> float:
        return (now - self.begun).total_seconds()
