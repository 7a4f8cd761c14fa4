"""A whole world in memory: commits, simulated machines, a real store; driven as a person would drive it.

Documents are given short: `hosts`, `services` and `projects` by name, each with its spec; they are written out as YAML
and go through the real pipeline. Knows the loop; knows nothing of what any test expects.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from reconciler.adapters.store import SqlStore, open_store
from reconciler.core.gate import Allowance, Limits
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan import Scope
from reconciler.core.proposing.proposal import Basis, Proposal
from reconciler.kinds import Registry, builtin
from reconciler.loop import reconcile
from reconciler.loop.library import Library
from reconciler.loop.observe import Freshness
from reconciler.loop.propose import Bearings, Records, keep, propose
from reconciler.loop.reconcile import Planned, Request, never
from reconciler.loop.world import Memory, Reading, World
from reconciler.model.event import Event
from reconciler.model.observation import Owned
from reconciler.model.order import NO_ORDERS
from reconciler.model.run import Run
from tests.fakes.carrier import SimulatedCarrier
from tests.fakes.machine import Machine
from tests.fakes.prober import SimulatedProber
from tests.fakes.source import Commits

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where stores are kept: on a disk each commit would wait for it."""
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Files = Mapping[str, str | None]


@dataclass
class StoppedClock:
    """Shows the same time until a test moves it."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """As the port says; nobody has to wait for it."""
        if not stopping():
            self.time += timedelta(seconds=seconds)

    def pass_by(self, minutes: int) -> None:
        self.time += timedelta(minutes=minutes)


@dataclass
class Ears:
    """Remembers what it is told."""

    heard: list[Event] = field(default_factory=list)

    def on(self, event: Event) -> None:
        self.heard.append(event)


@dataclass
class Fleet:
    """`carrier.machine(name)` is what a test does by hand to a host."""

    store: SqlStore
    source: Commits = field(default_factory=Commits)
    carrier: SimulatedCarrier = field(default_factory=SimulatedCarrier)
    clock: StoppedClock = field(default_factory=StoppedClock)
    ears: Ears = field(default_factory=Ears)
    prober: SimulatedProber = field(default_factory=SimulatedProber)
    limits: Limits = field(default_factory=Limits)
    caution: Caution = field(default_factory=Caution)
    library: Library = field(init=False)
    memory: Memory = field(default_factory=Memory)
    kinds: Registry = field(default_factory=builtin)

    def __post_init__(self) -> None:
        self.library = Library(self.source, Parser(self.kinds, DEFAULT))

    @property
    def world(self) -> World:
        reading = Reading(self.source, self.kinds, self.library, allow_local=True)
        return World(
            reading=reading,
            store=self.store,
            carrier=self.carrier,
            prober=self.prober,
            clock=self.clock,
            listeners=(self.ears,),
            limits=self.limits,
            caution=self.caution,
            memory=self.memory,
            keep=timedelta(days=90),
        )

    def commit(self, state: Mapping[str, Any]) -> str:
        """A new commit: the state in short form (see `written`), beside what is there already."""
        return self.source.commit(written(state))

    def machine(self, host: str) -> Machine:
        return self.carrier.machine(host)

    def plan(self, scope: Scope | None = None, freshness: Freshness | None = None) -> Planned:
        """A plan of now, after asking all hosts unless told otherwise."""
        request = Request(freshness=freshness or Freshness(), scope=scope or Scope())
        return reconcile.plan(self.world, request)

    def apply(self, planned: Planned | None = None, stopping: Callable[[], bool] = never) -> Run:
        """Applies a plan (of now, if none is given), whatever the limits say."""
        self.clock.pass_by(1)
        return reconcile.apply(self.world, planned or self.plan(), "ada", stopping)

    def refusals(self, planned: Planned, allow_deletes: int = 0) -> list[str]:
        """What the gate says to it."""
        return [refusal.message for refusal in reconcile.refusals(self.world, planned, Allowance(allow_deletes))]

    def propose(self, base: str, head: str | None = None, *, basis: Basis = "store") -> Proposal:
        """What merging a commit (the newest) into another would change. Nobody is asked."""
        world = self.world
        store = Records("store", self.store, None, NO_ORDERS, self.store.approvals, self.store.keep_plan)
        records = store if basis == "store" else Records()
        bearings = Bearings(world.reading, records, self.limits, self.caution, self.clock.time)
        proposal = propose(bearings, base, head or self.source.revision().sha)
        keep(bearings, proposal)
        return proposal

    def owned(self, host: str) -> Mapping[str, Owned]:
        """Our records of a host, by the resources' names as people write them."""
        ours = self.store.ownership().get(host)
        return {str(key): owned for key, owned in ours.owned.items()} if ours else {}


@contextmanager
def fleet(state: Mapping[str, Any] | None = None) -> Iterator[Fleet]:
    """A world of its own, gone at the end."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        path = Path(shutil.copy(_empty_store(), Path(directory) / "state.db"))
        store = open_store(path)
        try:
            world = Fleet(store)
            if state is not None:
                world.commit(state)
            yield world
        finally:
            store.close()


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def _empty_store() -> Path:
    """A store as it is on the first day. Making it migrates; copying it is a hundred times faster."""
    path = Path(_template().name) / "empty.db"
    open_store(path).close()
    return path


def written(state: Mapping[str, Any]) -> dict[str, str | None]:
    """Files from their short form: `hosts`, `services` and `projects` by name, None for one that is removed; `files`
    as they are. A host is its labels, or a whole document's `labels` and `spec`; services select role web by default.
    """
    files: dict[str, str | None] = dict(state.get("files") or {})
    for name, host in (state.get("hosts") or {}).items():
        files[f"hosts/{name}.yaml"] = None if host is None else _host(name, host)
    for name, service in (state.get("services") or {}).items():
        files[f"services/{name}.yaml"] = None if service is None else _service(name, service)
    for name, project in (state.get("projects") or {}).items():
        files[f"projects/{name}.yaml"] = None if project is None else _document("Project", {"name": name}, project)
    return files


def _host(name: str, given: Mapping[str, Any]) -> str:
    labels, spec = (given["labels"], given["spec"]) if "labels" in given else (given, {})
    return _document("Host", {"name": name, "labels": dict(labels)}, {"address": f"{name}.example.com", **spec})


def _service(name: str, given: Mapping[str, Any]) -> str:
    metadata = {"name": name} | ({"project": given["project"]} if "project" in given else {})
    spec = {field: value for field, value in given.items() if field != "project"}
    return _document("Service", metadata, {"hosts": {"matchLabels": {"role": "web"}}, **spec})


def _document(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    document = {"apiVersion": "reconciler/v1", "kind": kind, "metadata": dict(metadata), "spec": dict(spec)}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
