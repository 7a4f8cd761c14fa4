"""The daemon's eye on Git: when to look again, what it asks for now, and with which pins it was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.linking.pin import Pins
from reconciler.core.serving.backoff import Backoff, spread
from reconciler.core.serving.rota import Place
from reconciler.loop.desire import Read, desired_at
from reconciler.loop.world import World
from reconciler.model.desired import Desired
from reconciler.model.errors import ReconcilerError
from reconciler.model.event import Polled
from reconciler.model.observation import Head

JITTER = 0.1
"""The share by which a look at Git comes sooner or later."""
AGAIN = Backoff(timedelta(seconds=5), 2.0, timedelta(minutes=5), spread=1.0)
"""Between looks at a Git that can't be reached: when it is back, not all look at the same time."""


@dataclass(slots=True)
class Lookout:
    """`at` is when to look next; `moved_at` when the revision of now was first seen."""

    world: World
    rev: str | None
    chance: Callable[[], float]
    at: datetime
    read: Read | None = None
    polled_at: datetime | None = None
    moved_at: datetime | None = None
    error: str = ""
    _tries: int = 0

    def desired(self) -> Desired:
        """What Git asks for, once it was read."""
        assert self.read is not None
        return self.read.desired

    def poll(self, interval: timedelta, pins: Pins) -> None:
        """Looks at Git, and reads what it asks for now. A Git that can't be reached is told."""
        clock = self.world.clock
        try:
            revision = self.world.reading.source.poll(self.rev)
            moved = self.read is None or revision.sha != self.read.revision.sha
            if moved or self.world.reading.inventories:
                self.take(revision.sha, pins)
        except ReconcilerError as error:
            self._tries += 1
            self.error = error.message
            self.at = clock.now() + AGAIN.after(self._tries, self.chance())
            self.world.tell(Polled(self.read.revision.sha if self.read else "", error=error.message))
            return
        now = clock.now()
        self._tries, self.error, self.polled_at = 0, "", now
        self.moved_at = now if moved else self.moved_at
        self.at = now + spread(interval, JITTER, self.chance())
        self.world.tell(Polled(revision.sha, moved))

    def take(self, sha: str, pins: Pins) -> None:
        """Reads what a commit asks for."""
        reading = self.world.reading
        self.read = desired_at(reading, reading.source.revision(sha), pins, refresh=True)


def other(before: Desired, now: Desired) -> bool:
    """Whether something else is asked for than before: by digest, and by pins, which say of what revision it is."""
    return before.revision != now.revision or before.asked != now.asked or before.pins != now.pins


def places(desired: Desired, heads: dict[str, Head]) -> dict[str, Place]:
    """Every host with its project (the first of its services' that has one) and when it answered last."""
    found = {host: Place("", heads[host].observed_at if host in heads else None) for host in desired.hosts}
    for name in sorted(desired.services):
        service = desired.services[name]
        for host in service.hosts if service.project else ():
            if not found[host].project:
                found[host] = Place(service.project, found[host].asked)
    return found
