"""A daemon over a simulated fleet, in simulated time: ticks that come, get lost or come twice, and nothing else moves.

An apply that is "aside" runs at once; what a test wants to happen meanwhile it does from `carrier.meanwhile`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import yaml

from reconciler.core.serving.agenda import Waiting
from reconciler.core.serving.condition import Condition, Pace
from reconciler.loop.serve import Daemon, Means
from reconciler.loop.world import Memory, World
from reconciler.model.event import Applied, Event
from reconciler.model.order import Order
from reconciler.ports import Tick
from tests.fakes.fleet import Fleet

BEAT = timedelta(seconds=5)
HOSTS = {f"web-{n}": {"role": "web"} for n in range(1, 4)}


@dataclass
class FakeBrake:
    """A pause kept in memory."""

    pause: Order | None = None

    def pulled(self) -> Order | None:
        return self.pause

    def pull(self, pause: Order) -> None:
        self.pause = pause

    def release(self) -> bool:
        before, self.pause = self.pause, None
        return before is not None


@dataclass
class Lead:
    """The lead, held for as long as a test says."""

    epoch: int = 1
    ends: bool = False

    def fading(self) -> bool:
        return self.ends

    def over(self) -> bool:
        return self.ends


@dataclass
class Simulation:
    """`lost` and `doubled` are the shares of ticks that don't come, or come twice; all chance is of `seed`."""

    fleet: Fleet
    seed: int = 0
    pace: Pace = field(default_factory=lambda: Pace(beat=BEAT))
    lost: float = 0.0
    doubled: float = 0.0
    brake: FakeBrake = field(default_factory=FakeBrake)
    said: list[Condition] = field(default_factory=list)
    daemon: Daemon = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.start()

    def start(self) -> None:
        """A new process on the same store."""
        fleet = self.fleet
        means = Means(self.pace, self.random.random, lambda work: work(), lambda: fleet.world.reading, self.said.append)
        self.daemon = Daemon(self.world, means, Lead())

    @property
    def world(self) -> World:
        return replace(self.fleet.world, brake=self.brake, memory=Memory())

    def hint(self) -> None:
        """A webhook says that Git has something new."""
        self.daemon.hinted = True
        self.daemon.step(Tick("hint", self.fleet.clock.now()))

    def tick(self) -> datetime | None:
        """One beat: the tick comes, or is lost, or comes twice; then whatever it began is gone on with. Answers when
        the daemon wants to be called again."""
        now = self.fleet.clock.now()
        times = 0 if self.random.random() < self.lost else 2 if self.random.random() < self.doubled else 1
        again: datetime | None = now
        for _ in range(times):
            again = self.daemon.step(Tick("beat", now))
            for _ in range(200):
                if again is None or again > now:
                    break
                again = self.daemon.step()
            else:
                raise AssertionError("the daemon does not come to rest")
        return again

    def run(self, span: timedelta) -> None:
        """Lets time pass, beat by beat; beats at which the daemon has nothing to do are passed over."""
        clock = self.fleet.clock
        end = clock.now() + span
        while clock.now() < end:
            again = self.tick() or end
            beats = max(1, -(-(min(again, end) - clock.now()) // self.pace.beat))
            clock.time += beats * self.pace.beat

    def until(self, moment: datetime) -> None:
        self.run(moment - self.fleet.clock.now())

    def applied(self) -> list[Applied]:
        """What the daemon applied by itself."""
        return [event for event in self.fleet.ears.heard if isinstance(event, Applied)]

    def heard(self, kind: type[Any]) -> list[Event]:
        return [event for event in self.fleet.ears.heard if isinstance(event, kind)]

    def waiting(self) -> dict[str, Waiting]:
        """Why each service waits, as last said."""
        return {waiting.service: waiting for waiting in self.said[-1].waiting}


@contextmanager
def meanwhile(fleet: Fleet, after: int, what: Callable[[], None]) -> Iterator[None]:
    """Does something once the carrier has brought works to so many hosts."""
    carry = fleet.carrier.carry
    done = [0]

    def counted(deliveries: Any, *rest: Any) -> Iterator[Any]:
        for reply in carry(deliveries, *rest):
            if any(delivery.payload.works for delivery in deliveries):
                done[0] += 1
                if done[0] == after:
                    what()
            yield reply

    fleet.carrier.carry = counted
    try:
        yield
    finally:
        fleet.carrier.carry = carry


@contextmanager
def while_asked(fleet: Fleet, host: str, what: Callable[[], None]) -> Iterator[None]:
    """Does something once, while a host that was asked has said how it is and the answer is still under way."""
    carry = fleet.carrier.carry

    def slowly(deliveries: Any, *rest: Any) -> Iterator[Any]:
        for reply in carry(deliveries, *rest):
            if reply.host == host and not any(delivery.payload.works for delivery in deliveries):
                fleet.carrier.carry = carry
                what()
            yield reply

    fleet.carrier.carry = slowly
    try:
        yield
    finally:
        fleet.carrier.carry = carry


def files(*names: str, content: str = "x\n") -> list[dict[str, Any]]:
    return [{"file": f"/etc/{name}", "content": content} for name in names]


def state(sync: str = "auto", heal: str = "report", content: str = "one\n", **more: Any) -> dict[str, Any]:
    return {
        "hosts": HOSTS,
        "services": {"edge": {"sync": sync, "heal": heal, "resources": files("a", content=content)}},
        **more,
    }


def contents(world: Fleet, path: str = "/etc/a") -> set[str]:
    """What the hosts have there."""
    found = (world.machine(host).paths.get(path) for host in HOSTS)
    return {file["content"].decode() if file else "" for file in found}


def change(sim: Simulation, host: str, content: str = "by hand\n") -> None:
    sim.fleet.machine(host).paths["/etc/a"]["content"] = content.encode()


def pace_of(**more: timedelta) -> Pace:
    return Pace(**{"beat": timedelta(seconds=5), **more})


def document(kind: str, name: str, spec: dict[str, Any]) -> str:
    return yaml.safe_dump({"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
