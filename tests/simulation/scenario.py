"""One seed: hosts, four services, some processes of the daemon, and everything that happens to them.

`base` follows Git but wants no healing, `edge` requires it and wants both, `data` is elsewhere, `hand` is for people.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import yaml

from reconciler.core.condition import Condition, Pace
from reconciler.core.gate import Limits
from reconciler.core.limits import DEFAULT
from reconciler.core.parse import Parser
from reconciler.kinds import builtin
from reconciler.loop import lead
from reconciler.loop.lead import Life, live
from reconciler.loop.library import Library
from reconciler.loop.serve import Means
from reconciler.loop.world import Reading, World
from reconciler.model.event import Applied, Event, Led, Troubled
from reconciler.model.key import Key
from reconciler.model.order import Order
from reconciler.ports import Hint, Reloaded
from tests.fakes.daemon import document
from tests.fakes.fleet import written
from tests.fakes.source import Commits
from tests.fakes.store import Kept, MemoryStore
from tests.simulation.oracle import DELETES, LUNCH, Commit, Oracle, Pin, Restraint
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
PACE = Pace(poll=timedelta(minutes=1), observe=timedelta(minutes=10), beat=timedelta(seconds=30))
WEB = [f"web-{n}" for n in range(1, DELETES + 2)]
DATA = ["db-1", "db-2"]
MINUTE = timedelta(minutes=1)


@dataclass
class Process:
    """A daemon that runs."""

    name: str
    post: StagePost
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
    """`happened` tells it line by line."""

    seed: int
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
    unsure: float = 0.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
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

    def start(self) -> None:
        """A new process."""
        name = f"p{next(self._names)}"
        process = Process(name, StagePost(self.stage, name, lost=0.2, doubled=0.2))
        self.processes[name] = process
        means = Means(PACE, self.random.random, process.post.aside, process.said.append, process.post.stopping)
        life = Life(process.post, lambda: self._opened(process), means, name)
        process.post.reader = self.stage.act(name, lambda: self._life(life, process))
        self.stage.act(name, lambda: process.post.tick(PACE.beat))
        self.tell(f"{name} starts")

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

    def leader(self) -> Process | None:
        return self.processes.get(self.kept.held.get("lead", ""))

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
        source = StageSource(self.commits, stage, self.outages)
        reading = Reading(source, KINDS, Library(source, Parser(KINDS, DEFAULT)))  # type: ignore[arg-type]
        store: Any = StageStore(MemoryStore(self.kept, process.name), stage, self.outages, self.unsure)
        carrier = StageCarrier(self.hosts, stage, process.name, visits, self.slow)
        limits = Limits(deletes=DELETES, deletes_share=0.0)
        yield World(reading, store, carrier, StageClock(stage), (self,), limits, brake=self.brake)

    def _begun(self, process: str, delivery: Any) -> None:
        self.oracle.begin(process, delivery)
        works = ", ".join(str(work.key) for work in delivery.payload.works)
        self.tell(f"{process} at {delivery.host.name}: {works}")


def disturb(sim: Scenario) -> None:
    """One thing that happens."""
    random = sim.random
    what = random.choice(THINGS)
    what(sim, random)


def _commit(sim: Scenario, random: Random) -> None:
    service = random.choice(list(sim.git.versions))
    sim.git.versions[service] += 1
    sim.commit()


def _more(sim: Scenario, random: Random) -> None:
    """Edge has one file on more hosts than may be deleted from, data on fewer."""
    service = random.choice(list(sim.git.more))
    sim.git.more[service] = not sim.git.more[service]
    sim.commit()


def _broken(sim: Scenario, random: Random) -> None:
    sim.git.broken = random.random() < 0.3
    sim.commit()


def _frozen_in_git(sim: Scenario, random: Random) -> None:
    now = sim.now
    for restraint in sim.oracle.restraints:
        if restraint.git and restraint.until > now:
            restraint.until = now
    sim.git.frozen = random.random() < 0.4
    sim.commit()
    if sim.git.frozen:
        sim.oracle.restraints.append(Restraint("Git has a Freeze", now, frozenset({"edge"}), git=True))


def _drift(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    path = "/etc/" + random.choice(["edge", "base", "hand"] if host in WEB else ["data"])
    if path in sim.hosts.machine(host).paths:
        sim.hosts.machine(host).paths[path]["content"] = random.choice([b"by hand\n", b"again\n"])
        sim.tell(f"somebody changes {path} on {host}")


def _taken(sim: Scenario, random: Random) -> None:
    """Somebody removes what Git does not want any more either."""
    for host in DATA[: random.randrange(3)]:
        sim.hosts.machine(host).paths.pop("/etc/data-more", None)
    sim.git.more["data"] = False
    sim.commit()


def _gone(sim: Scenario, random: Random) -> None:
    sim.hosts.unreachable[random.choice(WEB + DATA)] = "ssh: timed out"


def _back(sim: Scenario, _: Random) -> None:
    sim.hosts.unreachable.clear()
    sim.hosts.losing.clear()
    sim.slow.clear()


def _losing(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    sim.hosts.losing[host] = "the connection broke"
    sim.slow[host] = random.choice([0.0, 90.0])


def _failing(sim: Scenario, random: Random) -> None:
    host = random.choice(WEB + DATA)
    service = random.choice(["edge", "base"]) if host in WEB else "data"
    sim.hosts.machine(host).failing.add(Key("file", f"/etc/{service}"))
    sim.tell(f"{service} fails on {host}")


def _mended(sim: Scenario, _: Random) -> None:
    for host in WEB + DATA:
        sim.hosts.machine(host).failing.clear()


def _pause(sim: Scenario, _: Random) -> None:
    sim.brake.pull(Order("pause", "ada", "look first", sim.now))
    sim.tell("pause")


def _resume(sim: Scenario, _: Random) -> None:
    sim.brake.release()
    sim.tell("resume")


def _freeze(sim: Scenario, random: Random) -> None:
    service = random.choice(["", "edge", "data"])
    until = sim.now + timedelta(minutes=random.randrange(2, 15))
    order = Order("freeze", "ada", "audit", sim.now, f"service:{service}" if service else "", until)
    MemoryStore(sim.kept).give_order(order)
    services = frozenset({service} if service else ())
    for before in sim.oracle.restraints:
        if not before.git and before.services == services:
            before.until = min(before.until, sim.now)
    sim.oracle.restraints.append(Restraint("it is frozen by order", sim.now, services, until))
    sim.tell(f"freeze {service or 'everything'} until {until:%H:%M}")


def _pin(sim: Scenario, random: Random) -> None:
    old = random.choice(sim.oracle.commits[-6:]).sha
    for before in sim.oracle.pins:
        before.until = min(before.until, sim.now)
    until = sim.now + timedelta(minutes=random.randrange(5, 25))
    MemoryStore(sim.kept).give_order(Order("pin", "ada", "roll back", sim.now, "edge", until, old))
    sim.oracle.pins.append(Pin(sim.content_at(old), sim.now, until))
    sim.tell(f"pin edge to {old[:7]} until {until:%H:%M}")


def _kill(sim: Scenario, random: Random) -> None:
    if sim.processes:
        sim.kill(random.choice(list(sim.processes.values())))
    sim.start()


def _end(sim: Scenario, random: Random) -> None:
    for process in list(sim.processes.values())[:1]:
        process.post.stop()
        sim.tell(f"{process.name} is to end")
    if random.random() < 0.8 or not sim.processes:
        sim.start()


def _second(sim: Scenario, _: Random) -> None:
    if len(sim.processes) < 2:
        sim.start()


def _stop(sim: Scenario, random: Random) -> None:
    if sim.processes:
        sim.freeze(random.choice(list(sim.processes.values())), timedelta(seconds=random.choice([30, 300, 1200])))


def _outage(sim: Scenario, random: Random) -> None:
    what = random.choice(["store", "git"])
    sim.outages.begin(what, timedelta(minutes=random.randrange(1, 10)))
    sim.oracle.lost()
    sim.tell(f"the {what} can't be reached for a while")


def _unsure(sim: Scenario, random: Random) -> None:
    sim.unsure = random.choice([0.0, 0.05])
    _kill(sim, random)


def _hint(sim: Scenario, random: Random) -> None:
    for process in sim.processes.values():
        process.post.put(Hint("github", f"d-{random.randrange(20)}", sim.now))


def _reload(sim: Scenario, random: Random) -> None:
    pace = Pace(PACE.poll, PACE.observe * random.choice([1, 2]), PACE.beat)
    for process in sim.processes.values():
        process.post.put(Reloaded(pace, Limits(deletes=DELETES, deletes_share=0.0)))


THINGS: list[Callable[[Scenario, Random], None]] = [
    *[_commit] * 4, *[_drift] * 4, _more, _more, _broken, _frozen_in_git, _taken, _gone, _back, _back, _losing,
    _failing, _mended, _pause, *[_resume] * 3, _freeze, _pin, _kill, _kill, _end, _second, _stop, _outage, _unsure,
    _hint, _reload,
]  # fmt: skip


def calm(sim: Scenario) -> None:
    """Every fault ends, every order is taken back; what was broken is mended."""
    for thing in (_back, _mended, _resume):
        thing(sim, sim.random)
    sim.outages.until.clear()
    sim.stage.frozen.clear()
    MemoryStore(sim.kept).end_order("pin", "edge", "ada", sim.now)
    for pin in sim.oracle.pins:
        pin.until = min(pin.until, sim.now)
    for restraint in sim.oracle.restraints:
        restraint.until = min(restraint.until, sim.now)
    for subject in ("", "service:edge", "service:data"):
        MemoryStore(sim.kept).end_order("freeze", subject, "ada", sim.now)
    sim.git.broken = sim.git.frozen = False
    # What was to be deleted from more hosts than may be waits for a person's word; here it is wanted again.
    sim.git.more["edge"] = True
    sim.git.versions = {name: version + 1 for name, version in sim.git.versions.items()}
    if not sim.processes:
        sim.start()
    sim.commit()


def settled(sim: Scenario) -> list[str]:
    """What is not as it has to be after a long calm."""
    wrong = []
    for host in WEB + DATA:
        paths = sim.hosts.machine(host).paths
        for service in ("base", "edge") if host in WEB else ("data",):
            wanted = {f"/etc/{service}": sim.git.content(service)}
            wanted[f"/etc/{service}-more"] = "x\n" if sim.git.more.get(service) else ""
            for path, content in wanted.items():
                there = paths[path]["content"].decode() if path in paths else ""
                drifted = service == "base" and there in ("by hand\n", "again\n")
                left = not content and (host, Key("file", path)) in sim.oracle.untold
                if there != content and not (drifted or left):
                    wrong.append(f"{path} on {host} is {there!r}, not {content!r}")
    leader = sim.leader()
    if leader is None or not leader.said:
        return [*wrong, "nobody leads"]
    waits = {
        waiting.service: waiting.why for waiting in leader.said[-1].waiting if waiting.service not in ("hand", "base")
    }
    oldest = leader.said[-1].ages.quantiles[1.0]
    wrong += [f"{service} still waits: {why}" for service, why in waits.items()]
    wrong += [f"a host was not asked for {oldest:.0f} s"] if oldest > 3 * PACE.observe.total_seconds() else []
    for host, ours in sim.kept.owned.items():
        for key in ours.owned:
            if key.name not in sim.hosts.machine(host).paths:
                wrong.append(f"{key} is on record for {host} and not there")
    return wrong


lead.FOLLOWING = timedelta(seconds=30)  # as everything here goes a few times slower than it does by default


def play(seed: int, things: int = 60) -> Scenario:
    """The whole seed. What was wrong is in `oracle.wrong`."""
    sim = Scenario(seed)
    try:
        sim.commit()
        sim.start()
        sim.stage.run(sim.now + 5 * MINUTE)
        for _ in range(things):
            disturb(sim)
            sim.stage.run(sim.now + timedelta(seconds=sim.random.choice([2, 20, 60, 240])))
        calm(sim)
        sim.stage.run(sim.now + timedelta(minutes=80))
        sim.oracle.judge()
        sim.oracle.wrong += settled(sim)
    finally:
        sim.stage.end()
    return sim
