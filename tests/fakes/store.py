"""A store in memory, behind the same port and the same contract suite as the real one. Fast, and its own oracle.

Values are kept as they are given. Several processes may share what is `Kept`; `died` takes what a process held out of
its hands.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from reconciler.core.plan_json import plan_bytes
from reconciler.model.attempt import Attempt
from reconciler.model.errors import Stalled, Taken
from reconciler.model.observation import Head, InOrder, Observation, Ownership
from reconciler.model.order import Order, OrderKind, Orders
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Run, RunOutcome, RunStatus

T = TypeVar("T")


@dataclass
class Kept:
    """All that a store remembers. `held` says which process has which lock."""

    observed: dict[str, Observation] = field(default_factory=dict)
    owned: dict[str, Ownership] = field(default_factory=dict)
    marks: dict[str, InOrder] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    orders: list[tuple[Order, datetime | None]] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    ticks: set[tuple[str, datetime]] = field(default_factory=set)
    deliveries: set[tuple[str, str]] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    epochs: int = 0

    def died(self, process: str) -> None:
        """What the kernel does with the locks of a process that is gone."""
        self.held = {purpose: by for purpose, by in self.held.items() if by != process}


_processes = itertools.count()


class MemoryStore:
    """As the port says."""

    id = "memory"

    def __init__(self, kept: Kept | None = None, process: str = "") -> None:
        self.kept = kept or Kept()
        self.process = process or f"process {next(_processes)}"

    def heads(self) -> Mapping[str, Head]:
        kept, none = self.kept, InOrder("", "")
        heads = {
            host: Head(
                host, seen.observed_at, seen.fingerprint, seen.unreachable, *kept.marks.get(host, none),
                owned=host in kept.owned, identity=seen.identity,
            )
            for host, seen in kept.observed.items()
        }  # fmt: skip
        unseen = kept.owned.keys() - heads.keys()
        return heads | {host: Head(host, None, "", "", "", "", "", owned=True) for host in sorted(unseen)}

    def note_in_order(self, found: Mapping[str, InOrder]) -> None:
        self.kept.marks.update(found)

    def observations(self, hosts: Collection[str] | None = None) -> Mapping[str, Observation]:
        return _some(self.kept.observed, hosts)

    def save_observations(self, observations: Iterable[Observation]) -> None:
        self.kept.observed.update((seen.host, seen) for seen in observations)

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        return _some(self.kept.owned, hosts)

    def save_ownership(self, ownership: Iterable[Ownership]) -> None:
        for ours in ownership:
            self.kept.marks.pop(ours.host, None)
            self.kept.owned.pop(ours.host, None)
            if ours.owned:
                self.kept.owned[ours.host] = ours

    def begin_run(self, plan: Plan, actor: str, at: datetime) -> Run:
        plan_bytes(plan)  # refuses one that is not sealed
        run = Run(len(self.kept.runs) + 1, plan.digest, plan.revision, actor, at)
        self.kept.plans[plan.digest] = plan
        self.kept.runs[run.id] = run
        return run

    def record(
        self,
        run: Run,
        outcomes: Sequence[RunOutcome],
        host_outcomes: Sequence[HostOutcome],
        observations: Sequence[Observation],
        ownership: Sequence[Ownership],
    ) -> None:
        before = self._known(run)
        self.kept.runs[run.id] = replace(
            before,
            outcomes=(*before.outcomes, *outcomes),
            host_outcomes=(*before.host_outcomes, *host_outcomes),
        )
        self.save_observations(observations)
        self.save_ownership(ownership)

    def end_run(self, run: Run, status: RunStatus, at: datetime) -> None:
        self.kept.runs[run.id] = replace(self._known(run), status=status, finished_at=at)

    def runs(self, limit: int = 20) -> list[Run]:
        newest = sorted(self.kept.runs.values(), key=lambda run: -run.id)[:limit]
        return [replace(run, outcomes=(), host_outcomes=()) for run in newest]

    def run(self, run_id: int) -> Run | None:
        return self.kept.runs.get(run_id)

    def runs_of(self, plan_digest: str) -> list[Run]:
        return [run for run in self.runs(len(self.kept.runs)) if run.plan == plan_digest]

    def plan(self, plan_digest: str) -> bytes | None:
        found = self.kept.plans.get(plan_digest)
        return plan_bytes(found) if found else None

    def orders(self, now: datetime) -> Orders:
        found = [o for o, ended in self.kept.orders if o.kind != "override" and not ended and _holds(o, now)]
        return Orders(
            pause=next((o for o in found if o.kind == "pause"), None),
            freezes=tuple(o for o in found if o.kind == "freeze"),
            pins={o.subject: o for o in found if o.kind == "pin"},
        )

    def give_order(self, order: Order) -> None:
        if order.kind != "override":
            self.end_order(order.kind, order.subject, order.who, order.at)
        self.kept.orders.append((order, None))

    def end_order(self, kind: OrderKind, subject: str, who: str, at: datetime) -> bool:
        held = [
            i
            for i, (o, ended) in enumerate(self.kept.orders)
            if (o.kind, o.subject) == (kind, subject) and not ended and _holds(o, at)
        ]
        for i in held:
            self.kept.orders[i] = self.kept.orders[i][0], at
        return bool(held)

    def ordered(self, limit: int = 20) -> list[Order]:
        return [order for order, _ in reversed(self.kept.orders)][:limit]

    def attempts(self) -> Mapping[str, Attempt]:
        return dict(self.kept.attempts)

    def save_attempts(self, made: Sequence[Attempt]) -> None:
        self.kept.attempts.update((attempt.service, attempt) for attempt in made)

    def claim_tick(self, schedule: str, fire_time: datetime) -> bool:
        return _first(self.kept.ticks, (schedule, fire_time))

    def see_delivery(self, source: str, name: str, at: datetime) -> bool:
        return _first(self.kept.deliveries, (source, name))

    @contextmanager
    def exclusive(self, purpose: str) -> Iterator[None]:
        self._take("work", Stalled(f"another {purpose} is running"))
        try:
            yield
        finally:
            self._give_back("work")

    @contextmanager
    def lead(self, owner: str) -> Iterator[int]:
        self._take("lead", Taken(f"another daemon is running (not {owner})"))
        try:
            self.kept.epochs += 1
            yield self.kept.epochs
        finally:
            self._give_back("lead")

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, what: str, refusal: Exception) -> None:
        if what in self.kept.held:
            raise refusal
        self.kept.held[what] = self.process

    def _give_back(self, what: str) -> None:
        if self.kept.held.get(what) == self.process:
            del self.kept.held[what]

    def _known(self, run: Run) -> Run:
        if run.id not in self.kept.runs:
            raise ValueError(f"run {run.id} is not in this store")
        return self.kept.runs[run.id]


def _some(known: dict[str, T], hosts: Collection[str] | None) -> dict[str, T]:
    names = sorted(known if hosts is None else known.keys() & set(hosts))
    return {host: known[host] for host in names}


def _first(seen: set[T], what: T) -> bool:
    new = what not in seen
    seen.add(what)
    return new


def _holds(order: Order, now: datetime) -> bool:
    return order.until is None or order.until > now
