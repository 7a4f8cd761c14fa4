"""Many that start at one moment do not all come at one moment: the other half of what was missing in June 2025."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser
from reconciler.core.serving.condition import Pace
from reconciler.kinds import builtin
from reconciler.loop.lead import Life, live
from reconciler.loop.library import Library
from reconciler.loop.serve import Means
from reconciler.loop.world import Reading, World
from reconciler.model.errors import Retry
from reconciler.model.observation import Observation
from reconciler.ports import Message, Revision
from tests.fakes.carrier import SimulatedCarrier
from tests.fakes.fleet import START, StoppedClock, written
from tests.fakes.prober import SimulatedProber
from tests.fakes.source import Commits
from tests.fakes.store import MemoryStore

DAEMONS = 100
FEW = 15
"""Of a hundred in one second, when three would be even."""
KINDS = builtin()
STATE = written({"hosts": {"web-1": {"role": "web"}}, "services": {"edge": {"resources": [{"group": "g"}]}}})


@dataclass
class Git(Commits):
    """Notes when it is looked at, and can't be reached until some time."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    back: datetime = START
    looks: list[float] = field(default_factory=list)

    def poll(self, rev: str | None = None) -> Revision:
        self.looks.append((self.clock.now() - START).total_seconds())
        if self.clock.now() < self.back:
            raise Retry("it can't be reached", "try again")
        return super().poll(rev)


@dataclass
class Alone:
    """A post to which nobody writes: time passes. Its daemon was there before, unless it is `new`."""

    seed: int
    until: timedelta
    new: bool = False
    git_back: datetime = START
    git: Git = field(init=False)
    store_back: datetime = START
    opened: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.git = Git(back=self.git_back)

    def stopping(self) -> bool:
        return self.git.clock.now() >= START + self.until

    def wait(self, seconds: float) -> Sequence[Message]:
        self.git.clock.time += timedelta(seconds=seconds)
        return []

    def pause(self, seconds: float) -> None:
        raise AssertionError("nothing is under way when it comes back here")

    def live(self) -> None:
        self.git.commit(STATE)
        self.reading = Reading(self.git, KINDS, Library(self.git, Parser(KINDS, DEFAULT)))
        chance = Random(self.seed).random
        means = Means(Pace(), chance, lambda work: work(), lambda: self.reading, lambda _: None, self.stopping)
        live(Life(self, self.world, means))

    @contextmanager
    def world(self) -> Iterator[World]:
        clock = self.git.clock
        self.opened.append((clock.now() - START).total_seconds())
        if clock.now() < self.store_back:
            raise Retry("the database can't be reached", "try again")
        store = MemoryStore()
        store.save_observations([] if self.new else [Observation("web-1", START, START)])
        yield World(self.reading, store, SimulatedCarrier(), SimulatedProber(), clock)


def busiest(moments: Iterable[float], after: float = 0.0) -> int:
    """The most of them in one second."""
    return max(Counter(int(at) for at in moments if at >= after).values())


def lived(until: timedelta, **given: object) -> list[Alone]:
    """All of them, for so long."""
    daemons = [Alone(seed, until, **given) for seed in range(DAEMONS)]  # type: ignore[arg-type]
    for each in daemons:
        each.live()
    return daemons


def test_google_june_2025_a_hundred_that_start_again_do_not_look_at_git_at_once() -> None:
    """When the servers had crashed, all of them started again at the same time, and what they needed broke down."""
    daemons = lived(timedelta(minutes=2))
    assert busiest(each.git.looks[0] for each in daemons) < FEW
    assert busiest(at for each in daemons for at in each.git.looks) < FEW, "nor later, when they look again and again"
    assert all(0 <= each.git.looks[0] < 30 for each in daemons)


def test_google_june_2025_a_hundred_that_wait_for_a_database_come_less_often_and_at_different_times() -> None:
    """What could not be reached was asked again and again by everybody, at the same moments."""
    daemons = lived(timedelta(minutes=12), store_back=START + timedelta(minutes=8))
    assert busiest((at for each in daemons for at in each.opened), after=12) < 2 * FEW
    assert all(6 <= len(each.opened) < 16 for each in daemons)
    assert all(each.opened[-1] >= 480 and each.git.looks for each in daemons), "they are there when it is back"


def test_google_june_2025_a_git_that_is_back_is_not_looked_at_by_all_at_once() -> None:
    daemons = lived(timedelta(minutes=30), git_back=START + timedelta(minutes=20))
    assert busiest(at for each in daemons for at in each.git.looks) < FEW
    assert all(any(at >= 1200 for at in each.git.looks) for each in daemons)


def test_the_first_start_of_all_is_at_once() -> None:
    """Somebody sits there and waits for it."""
    assert {each.git.looks[0] for each in lived(timedelta(seconds=1), new=True)[:3]} == {0.0}
