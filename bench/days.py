"""Days in the life of a daemon: its real loop on a real repository and a real store, over made-up hosts, in a time of
its own that goes on when nothing is left to do.

Knows what happens and when; must not know what has to come of it. All chance is of the seed.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pygit2

from bench.answers import THEN, answers
from bench.crowd import Crowd
from bench.fleet import PROJECTS, commit, project, service, write_fleet
from bench.planning import settings
from reconciler.adapters.metrics.recorder import Recorder
from reconciler.adapters.post import Mailbox
from reconciler.bootstrap import open_reading, open_store, open_world
from reconciler.core.serving.condition import Condition, Pace
from reconciler.loop.desire import read_desired
from reconciler.loop.lead import Life, live
from reconciler.loop.serve import Means
from reconciler.loop.world import World
from reconciler.model.errors import Retry
from reconciler.ports import Hint, Message, Tick, Woken

CYCLE = timedelta(hours=12)
"""In which every host is asked once, and everything happens that can."""
A_DAY = timedelta(days=1) // CYCLE
BEAT = timedelta(minutes=20)
PACE = Pace(poll=timedelta(hours=1), observe=CYCLE, beat=BEAT, listen=BEAT)
KEEP = timedelta(days=1)
"""How long runs are remembered."""
MODES = {"base": ("auto", "auto"), "web": ("auto", "auto"), "data": ("auto", "report"), "batch": ("auto", "off")}
"""Projects' `sync` and `heal`; the others are for people."""
DRIFTING, AWAY = 0.0005, 0.005
"""The shares of hosts that somebody changes, and that can't be reached, in each cycle."""
HINTS = 100
SMALL = (30, 31, 32, 35, 36, 37)
"""Services that are each on a part of one role's hosts, in projects that follow Git."""
LARGE = 1
"""One that is on all hosts of its role but the test environment."""


@dataclass
class Clock:
    """Shows a time that is moved on. No clock shows the same moment twice, and ticks are told apart by theirs."""

    time: datetime = THEN

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """As the port says; nobody has to wait for it."""
        if not stopping():
            self.time += timedelta(seconds=seconds)


class Post(Mailbox):
    """Work aside is done in threads, and has ended before time goes on; so the same seed gives the same days."""

    def __init__(self, days: Days) -> None:
        super().__init__()
        self._days = days
        self._under_way: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="aside")

    def aside(self, work: Callable[[], None]) -> None:
        self._under_way.append(self._pool.submit(work))

    def wait(self, seconds: float) -> Sequence[Message]:
        if self.stopping():
            return []
        if self._under_way:
            wait(self._under_way)
            self._under_way.clear()
            return [Woken(), *super().wait(0)]
        return super().wait(0) or self._days.pass_by(seconds) or super().wait(0)

    def pause(self, seconds: float) -> None:
        wait(self._under_way)

    def close(self) -> None:
        self._pool.shutdown()
        super().close()


@dataclass
class Failing:
    """A port of which every so many calls fail while `on`."""

    port: Any
    names: frozenset[str]
    every: int = 1
    on: bool = False
    _calls: int = 0

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name) if self.on and name in self.names else getattr(self.port, name)

    def _call(self, name: str, *given: Any, **more: Any) -> Any:
        self._calls += 1
        if self._calls % self.every == 0:
            raise Retry("it can't be reached", "try again")
        return getattr(self.port, name)(*given, **more)


STORE = frozenset({"orders", "unfinished", "claim_tick", "save_observations", "save_attempts", "note_in_order"})


@dataclass
class Days:
    """`look` is called at the end of each cycle. `said` is what the daemon last said of itself, `queue` how many hosts
    waited at most since the last look."""

    folder: Path
    hosts: int
    cycles: int
    look: Callable[[Days], None]
    seed: int = 1
    clock: Clock = field(default_factory=Clock)
    crowd: Crowd = field(default_factory=Crowd)
    recorder: Recorder = field(default_factory=Recorder)
    said: Condition = field(default_factory=Condition)
    queue: int = 0
    restarts: int = 0
    commits: int = 0
    _over: bool = False
    _failing: dict[str, Failing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.settings = settings(str(self.folder))
        self._script = self._happenings()
        self._next = next(self._script)

    def live(self) -> None:
        """From the first day to the last; the daemon is started again whenever it was ended."""
        self._prepare()
        while not self._over:
            self._post = Post(self)
            chance = self.chance.random
            means = Means(
                pace=PACE,
                chance=chance,
                aside=self._post.aside,
                apart=lambda: open_reading(self.settings),
                publish=self._publish,
                stopping=self._post.stopping,
            )
            live(Life(self._post, self._opened, means))
            self._post.close()
            self.restarts += 1

    def pass_by(self, seconds: float) -> Sequence[Message]:
        """So much time, or less when something happens before; the timer's tick, which may be lost or come twice."""
        at, what = self._next
        until = self.clock.time + timedelta(seconds=seconds)
        if at <= until:
            self.clock.time = max(at, self.clock.time)
            self._next = next(self._script)
            what()
        else:
            self.clock.time = until
        return [Tick("beat", self.clock.time)] * self.chance.choice((0, 1, 1, 2))

    def _happenings(self) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """What happens when, for ever."""
        for number in itertools.count():
            start = THEN + number * CYCLE
            last = number % A_DAY == A_DAY - 1
            things: list[Callable[[], None]] = [
                partial(self._commit, LARGE if last else SMALL[number % len(SMALL)]),
                self._drift,
                self._away,
                partial(self._fail, "git", True),
                partial(self._fail, "git", False),
                partial(self._fail, "store", True),
                partial(self._fail, "store", False),
                self._hints,
                self._faults,
                partial(self._commit, SMALL[(number + 3) % len(SMALL)]),
                self._mend,
                self._restart if last else lambda: None,
                # By then every host has been asked: each comes a tenth of its interval late at most.
                self._look,
            ]
            yield from ((start + CYCLE * (each + 1) / len(things), thing) for each, thing in enumerate(things))

    def _prepare(self) -> None:
        """In a process of its own, which takes the memory that it needs away with it."""
        words = [sys.executable, "-m", "bench.days", str(self.folder), str(self.hosts), str(self.seed)]
        subprocess.run(words, check=True)
        self.repository = pygit2.Repository(str(self.folder / "repo"))
        with open_store(self.settings) as store:
            self.crowd.settle(store.observations().values())
        self.names = sorted(self.crowd.hosts)

    @contextmanager
    def _opened(self) -> Iterator[World]:
        with open_world(self.settings, (self.recorder,)) as world:
            git, store = Failing(world.reading.source, frozenset({"poll"})), Failing(world.store, STORE, every=50)
            self._failing = {"git": git, "store": store}
            reading: Any = replace(world.reading, source=git)
            ports: Any = {"store": store, "carrier": self.crowd, "clock": self.clock}
            yield replace(world, reading=reading, keep=KEEP, **ports)

    def _publish(self, condition: Condition) -> None:
        self.said = condition
        self.queue = max(self.queue, condition.queue)
        self.recorder.publish(condition)

    def _commit(self, number: int) -> None:
        self.commits += 1
        version = f"1.0.{self.commits}"
        commit(self.repository, {f"services/svc-{number:02}.yaml": service(number, version)}, f"version {version}")

    def _some(self, share: float) -> list[str]:
        return self.chance.sample(self.names, max(1, round(len(self.names) * share)))

    def _drift(self) -> None:
        for host in self._some(DRIFTING):
            self.crowd.drift(host, self.chance)

    def _away(self) -> None:
        """Others than before."""
        self.crowd.away = set(self._some(AWAY))

    def _faults(self) -> None:
        self.crowd.losing, self.crowd.failing = set(self._some(DRIFTING)), set(self._some(DRIFTING))

    def _mend(self) -> None:
        self.crowd.losing, self.crowd.failing = set(), set()

    def _fail(self, what: str, on: bool) -> None:
        self._failing[what].on = on

    def _hints(self) -> None:
        """Webhooks, each twice."""
        for number in range(HINTS):
            self._post.put(Hint("github", f"{self.commits}-{number // 2}", self.clock.time))

    def _restart(self) -> None:
        self._post.stop()

    def _look(self) -> None:
        self.look(self)
        self.queue = 0
        self.cycles -= 1
        if not self.cycles:
            self._over = True
            self._post.stop()


def prepare(folder: Path, hosts: int, seed: int) -> None:
    """The repository, and a store in which every host is as Git asks, but for some that drifted."""
    fleet = write_fleet(folder / "repo", hosts, seed, retired=False)
    modes = {f"projects/{name}.yaml": project(name, *MODES.get(name, ())) for name in PROJECTS}
    commit(pygit2.Repository(str(fleet.repo)), dict(modes), "who may do what by itself")
    with open_world(settings(str(folder))) as world:
        desired = read_desired(world.reading, None).desired
        pairs = list(answers(desired, world.registry, seed))
        world.store.save_observations(seen for seen, _ in pairs)
        world.store.save_ownership(ours for _, ours in pairs)


def taken(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder.exists() else 0


def resident() -> float:
    """Megabytes that this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
