"""One seed: hosts, four services, some processes of the daemon, and everything that happens to them.

`base` follows Git but wants no healing, `edge` requires it and wants both, `data` is elsewhere, `hand` is for people.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import yaml

from reconciler.core.gate import Limits
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser
from reconciler.core.serving.condition import Condition, Pace
from reconciler.kinds import builtin
from reconciler.loop.lead import Life, live
from reconciler.loop.library import Library
from reconciler.loop.serve import Means
from reconciler.loop.world import Reading, World
from reconciler.model.event import Applied, Event, Led, Troubled
from tests.fakes.daemon import document
from tests.fakes.fleet import written
from tests.fakes.prober import SimulatedProber
from tests.fakes.source import Commits
from tests.fakes.store import Kept, MemoryStore
from tests.simulation.oracle import DELETES, LUNCH, Commit, Oracle
from tests.simulation.ports import (
    Hosts,
    Outages,
    StageBrake,
    StageCarrier,
    StageClock,
    StagePost,
    StageSource,
    StageStore,
    Visits,
)
from tests.simulation.stage import Stage

KINDS = builtin()
BEAT = timedelta(seconds=30)
PACE = Pace(poll=timedelta(minutes=1), observe=timedelta(minutes=10), beat=BEAT, listen=BEAT)
WEB = [f"web-{n}" for n in range(1, DELETES + 2)]
DATA = ["db-1", "db-2"]
MINUTE = timedelta(minutes=1)


@dataclass
class Process:
    """A daemon that runs."""

    name: str
    post: StagePost
    ahead: timedelta = timedelta(0)
    said: list[Condition] = field(default_factory=list)


@dataclass
class Git:
    """What the repository says now: the version of each service's file, whether edge and data want one more, and
    whether base's document is broken."""

    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("base", "edge", "data", "hand"), 0))
    more: dict[str, bool] = field(default_factory=lambda: {"edge": True, "data": True})
    broken: bool = False
    frozen: bool = False

    def files(self) -> dict[str, str | None]:
        services: dict[str, Any] = {
            "base": {"sync": "auto", "resources": self._of("base")},
            "edge": {"sync": "auto", "heal": "auto", "requires": ["base"], "resources": self._of("edge")},
            "hand": {"heal": "off", "resources": self._of("hand")},
            "data": {
                "sync": "auto",
                "heal": "auto",
                "hosts": {"matchLabels": {"role": "db"}},
                "resources": self._of("data"),
            },
        }
        hosts = {name: {"role": name.partition("-")[0]} for name in WEB + DATA}
        found = written({"hosts": hosts, "services": services})
        window = {"effect": "deny", "cron": LUNCH.cron, "duration": "7m"}
        freeze = document("Freeze", "git", {"reason": "by review", "services": ["edge"]})
        found |= {"lunch.yaml": document("Window", "lunch", window), "freeze.yaml": freeze if self.frozen else None}
        return found | ({"services/base.yaml": "kind: Service\n  broken: [\n"} if self.broken else {})

    def content(self, service: str) -> str:
        return f"{self.versions[service]}\n"

    def _of(self, service: str) -> list[dict[str, Any]]:
        files = [{"file": f"/etc/{service}", "content": self.content(service)}]
        return files + ([{"file": f"/etc/{service}-more", "content": "x\n"}] if self.more.get(service) else [])


@dataclass
class Scenario:
    """`timed`: leases end by time. `happened` tells it line by line."""

    seed: int
    timed: bool | None = None
    random: Random = field(init=False)
    stage: Stage = field(init=False)
    kept: Kept = field(default_factory=Kept)
    git: Git = field(default_factory=Git)
    commits: Commits = field(default_factory=Commits)
    hosts: Hosts = field(default_factory=Hosts)
    brake: StageBrake = field(default_factory=StageBrake)
    processes: dict[str, Process] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        # Odd seeds are as with PostgreSQL, where leases end by time, even ones as with a file.
        self.timed = self.seed % 2 == 1 if self.timed is None else self.timed
        self.stage = Stage(self.random, datetime(2026, 11, 23, 10, self.random.randrange(60), tzinfo=UTC))
        self.outages = Outages(self.stage)
        self.oracle = Oracle(self.stage, self.kept, self.brake, self.outages, self.hosts.machine)
        self._names = itertools.count(1)

    @property
    def now(self) -> datetime:
        return self.stage.now

    def tell(self, what: str) -> None:
        self.happened.append(f"{self.now:%d %H:%M:%S} {what}")

    def commit(self) -> None:
        """What Git says now."""
        before, files = dict(self.commits.files), self.git.files()
        other = {path for path, text in files.items() if before.get(path) != text and path.startswith("services/")}
        hosts = {"db" if "data" in path else "web" for path in other}
        sha = self.commits.commit(files)
        self.oracle.commits.append(Commit(sha, self.now, frozenset(hosts)))
        self.tell(f"commit {sha[:7]} {self.git.versions} more={self.git.more} broken={self.git.broken}")

    def start(self, ahead: timedelta = timedelta(0)) -> Process:
        """A new process, with a clock that is wrong by so much."""
        name = f"p{next(self._names)}"
        process = Process(name, StagePost(self.stage, name, lost=0.2, doubled=0.2), ahead)
        self.processes[name] = process
        post, chance = process.post, self.random.random
        means = Means(PACE, chance, post.aside, lambda: self._reading(process), process.said.append, post.stopping)
        life = Life(post, lambda: self._opened(process), means)
        post.reader = self.stage.act(name, lambda: self._life(life, process))
        self.stage.act(name, lambda: post.tick(PACE.beat))
        self.tell(f"{name} starts")
        return process

    def kill(self, process: Process) -> None:
        del self.processes[process.name]
        self.stage.kill(process.name)
        self.kept.died(process.name)
        self.oracle.killed(process.name)
        self.tell(f"{process.name} is killed")

    def freeze(self, process: Process, span: timedelta) -> None:
        """As SIGSTOP, and SIGCONT after a while."""
        self.stage.frozen[process.name] = self.oracle.resumed[process.name] = self.now + span
        self.tell(f"{process.name} is stopped for {span}")

    def content_at(self, sha: str) -> bytes:
        """What edge's file was to be there."""
        document = yaml.safe_load(self.commits.at(sha, "services/edge.yaml"))
        content = document["spec"]["resources"][0]["content"]
        assert isinstance(content, str)
        return content.encode()

    def cut_off(self, process: Process, span: timedelta) -> None:
        """It can't reach the store for a while."""
        self.outages.begin(f"store of {process.name}", span)
        self.oracle.lost()
        self.tell(f"{process.name} is cut off from the store for {span}")

    def leader(self) -> Process | None:
        lease = self.kept.leases.get("daemon")
        return self.processes.get(lease.owner) if lease else None

    def on(self, event: Event) -> None:
        """Hears what a daemon tells."""
        if isinstance(event, Applied | Led | Troubled):
            self.tell(str(event))

    def _life(self, life: Life, process: Process) -> None:
        live(life)
        self.processes.pop(process.name, None)
        self.kept.died(process.name)
        self.tell(f"{process.name} ended")

    @contextmanager
    def _opened(self, process: Process) -> Iterator[World]:
        stage, visits = self.stage, Visits(self._begun, self.oracle.end)
        self.outages.reach("store")
        store: Any = self._store(process)
        yield World(
            reading=self._reading(process),
            store=store,
            carrier=StageCarrier(self.hosts, stage, process.name, visits, self.slow),
            prober=SimulatedProber(),
            clock=StageClock(stage, lambda: process.ahead),
            listeners=(self,),
            limits=Limits(deletes=DELETES, deletes_share=0.0),
            brake=self.brake,
        )

    def _reading(self, _: Process) -> Reading:
        source = StageSource(self.commits, self.stage, self.outages)
        return Reading(source, KINDS, Library(source, Parser(KINDS, DEFAULT)))

    def _store(self, process: Process) -> StageStore:
        clock = (lambda: self.stage.now) if self.timed else None
        return StageStore(MemoryStore(self.kept, process.name, clock), self.stage, self.outages)

    def _begun(self, process: str, delivery: Any) -> None:
        self.oracle.begin(process, delivery)
        works = ", ".join(str(work.key) for work in delivery.payload.works)
        self.tell(f"{process} at {delivery.host.name}: {works}")
