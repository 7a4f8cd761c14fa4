"""A store in memory, behind the same port and the same contract suite as the real one. Fast, and its own oracle.

Values are kept as they are given. Several processes may share what is `Kept`; `died` takes what a process held out of
its hands.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from reconciler.core.planning.plan_json import plan_bytes
from reconciler.core.recording.history import healed
from reconciler.model.approval import Approval
from reconciler.model.attempt import Attempt
from reconciler.model.digest import digest
from reconciler.model.episode import Episode
from reconciler.model.errors import Stalled, Taken
from reconciler.model.key import Key
from reconciler.model.lease import Lease
from reconciler.model.observation import Head, InOrder, Observation, Ownership
from reconciler.model.order import Order, OrderKind, Orders
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Intent, Run, RunOutcome, RunStatus

T = TypeVar("T")


@dataclass
class Kept:
    """All that a store remembers; `leases` by purpose, and who holds them."""

    observed: dict[str, Observation] = field(default_factory=dict)
    owned: dict[str, Ownership] = field(default_factory=dict)
    marks: dict[str, InOrder] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    orders: list[tuple[Order, datetime | None]] = field(default_factory=list)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    ticks: set[tuple[str, datetime]] = field(default_factory=set)
    deliveries: set[tuple[str, str]] = field(default_factory=set)
    hinted: bool = False
    intents: dict[int, list[Intent]] = field(default_factory=dict)
    approvals: list[Approval] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    episodes: dict[int, Episode] = field(default_factory=dict)
    epochs: int = 0

    def died(self, process: str) -> None:
        """What becomes of the leases of a process that is gone: without an end they end, as lock files do."""
        ours = {what for what, lease in self.leases.items() if lease.owner == process and lease.expires_at is None}
        self.leases = {what: lease for what, lease in self.leases.items() if what not in ours}


@dataclass(eq=False)
class Hold:
    """A lease while it is held. Its end is reckoned on the process's own steady clock, and comes before the store's."""

    store: MemoryStore
    lease: Lease
    renewed: datetime
    gone: bool = False
    released: bool = False

    @property
    def epoch(self) -> int:
        return self.lease.epoch

    def fading(self) -> bool:
        return self.gone or self._after(0.6)

    def over(self) -> bool:
        self.gone = self.gone or self._after(0.8)
        return self.gone

    def renew(self) -> None:
        if self.lease.expires_at is None or self.over():
            return
        now, ours = self.store.clock(), self.store.kept.leases.get(self.lease.purpose)
        if ours is None or ours.epoch != self.epoch or ours.expires_at is None or ours.expires_at <= now:
            self.gone = True
            return
        self.renewed = self.store.steady()
        self.lease = self.store.kept.leases[self.lease.purpose] = replace(ours, expires_at=now + LEASE)

    def _after(self, share: float) -> bool:
        return self.lease.expires_at is not None and self.store.steady() - self.renewed >= LEASE * share


LEASE = timedelta(seconds=30)
_processes = itertools.count()


class MemoryStore:
    """As the port says."""

    id = "memory"

    def __init__(
        self, kept: Kept | None = None, process: str = "", clock: Callable[[], datetime] | None = None
    ) -> None:
        """With a clock (the database's, and steady too) leases last for a time, else as long as the process."""
        self.kept = kept or Kept()
        self.process = process or f"process {next(_processes)}"
        self.timed = clock is not None
        self.clock = self.steady = clock or (lambda: datetime.min.replace(tzinfo=UTC))

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

    def save_observations(
        self, observations: Iterable[Observation], known: Mapping[str, Observation] | None = None
    ) -> None:
        there = self.kept.observed
        there.update((s.host, s) for s in observations if known is None or there.get(s.host) is known.get(s.host))

    def ownership(self, hosts: Collection[str] | None = None) -> Mapping[str, Ownership]:
        return _some(self.kept.owned, hosts)

    def save_ownership(self, ownership: Iterable[Ownership]) -> None:
        for ours in ownership:
            self.kept.marks.pop(ours.host, None)
            self.kept.owned.pop(ours.host, None)
            if ours.owned:
                self.kept.owned[ours.host] = ours

    def begin_run(self, plan: Plan, actor: str, at: datetime, epoch: int, undoes: int | None = None) -> Run:
        plan_bytes(plan)  # refuses one that is not sealed
        self._check(epoch)
        number = max(self.kept.runs, default=0) + 1
        run = Run(number, plan.digest, plan.revision, actor, at, epoch=epoch, undoes=undoes)
        self.kept.plans[plan.digest] = plan
        self.kept.runs[run.id] = run
        return run

    def unfinished(self) -> list[Run]:
        return [_bare(run) for run in self.kept.runs.values() if run.status == "running"]

    def take_over(self, run: Run, epoch: int) -> Run:
        self._check(epoch)
        self.kept.runs[run.id] = taken = replace(self.kept.runs[run.id], epoch=epoch)
        return _bare(taken)

    def intend(self, run: Run, step: str, hosts: Sequence[str]) -> None:
        self._check(run.epoch)
        self._known(run)
        self.kept.intents.setdefault(run.id, []).append(Intent(step, run.epoch, tuple(sorted(hosts))))

    def intents(self, run_id: int) -> list[Intent]:
        return list(self.kept.intents.get(run_id, ()))

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
        self._write(healed(self.drifting()[1], self.kept.runs[run.id].outcomes, run.id, at))

    def drifting(self) -> tuple[str, Sequence[Episode]]:
        found = [episode for _, episode in sorted(self.kept.episodes.items()) if episode.until is None]
        return digest([[e.id, e.manner.document(), e.hosts] for e in found]), found

    def note_drift(self, mark: str, changed: Sequence[Episode]) -> bool:
        if self.drifting()[0] != mark:
            return False
        self._write(changed)
        return True

    def episodes(self, since: datetime, key: Key | None = None) -> Sequence[Episode]:
        found = (episode for _, episode in sorted(self.kept.episodes.items()))
        return [e for e in found if (e.until is None or e.until >= since) and key in (None, e.thing.key)]

    def runs(self, limit: int = 20) -> list[Run]:
        return [_bare(run) for run in sorted(self.kept.runs.values(), key=lambda run: -run.id)[:limit]]

    def run(self, run_id: int) -> Run | None:
        return self.kept.runs.get(run_id)

    def runs_of(self, plan_digest: str) -> list[Run]:
        return [run for run in self.runs(len(self.kept.runs)) if run.plan == plan_digest]

    def runs_undoing(self, run_id: int) -> list[Run]:
        return [_bare(run) for run in self.kept.runs.values() if run.undoes == run_id]

    def last_runs(self, revision: str) -> Mapping[str, Run]:
        last: dict[str, Run] = {}
        for run in self.kept.runs.values():
            if run.revision == revision and run.undoes is None:
                services = {each.service for each in (*run.outcomes, *run.host_outcomes)}
                last.update(dict.fromkeys(services, _bare(run)))
        return last

    def tidy(self, at: datetime, keep: timedelta | None) -> int:
        """Values are not kept apart here, so only runs are old."""
        if keep is None or not self.claim_tick("tidied", at.replace(hour=0, minute=0, second=0, microsecond=0)):
            return 0
        old = {run.id for run in self.kept.runs.values() if run.status != "running" and run.started_at < at - keep}
        self.kept.runs = {number: run for number, run in self.kept.runs.items() if number not in old}
        return len(old)

    def keep_plan(self, plan: Plan, at: datetime) -> None:
        self.kept.plans.setdefault(plan.digest, plan)

    def plans_like(self, prefix: str) -> list[str]:
        return sorted(digest for digest in self.kept.plans if digest.startswith(prefix))[:10]

    def approve(self, approval: Approval) -> None:
        if approval.plan not in self.kept.plans:
            raise ValueError(f"plan {approval.plan} is not in this store")
        self.kept.approvals.append(approval)

    def approvals(self, plan_digest: str) -> list[Approval]:
        return [approval for approval in self.kept.approvals if approval.plan == plan_digest]

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

    def see_delivery(self, source: str, name: str, at: datetime, *, waits: bool = False) -> bool:
        new = _first(self.kept.deliveries, (source, name))
        self.kept.hinted = self.kept.hinted or (new and waits)
        return new

    def take_waiting(self) -> bool:
        waited, self.kept.hinted = self.kept.hinted, False
        return waited

    @contextmanager
    def hold(self, purpose: str) -> Iterator[Hold]:
        now, steady = self.clock(), self.steady()
        self._free(now)
        if before := self.kept.leases.get(purpose):
            raise Taken(f"another {purpose} is running ({before.owner})", "wait until it ends, or end it")
        self.kept.epochs += 1
        lease = Lease(purpose, self.process, self.kept.epochs, now, now + LEASE if self.timed else None)
        self.kept.leases[purpose] = lease
        hold = Hold(self, lease, steady)
        try:
            yield hold
        finally:
            hold.released = True
            if self.kept.leases.get(purpose) == hold.lease:
                del self.kept.leases[purpose]

    def holder(self, purpose: str) -> Lease | None:
        return self.kept.leases.get(purpose)

    def close(self) -> None:
        """Nothing is open."""

    def _free(self, now: datetime) -> None:
        """A lease that is over is nobody's any more. (One that has no end is when its process dies.)"""
        held = self.kept.leases.items()
        self.kept.leases = {what: lease for what, lease in held if not lease.expires_at or lease.expires_at > now}

    def _write(self, changed: Sequence[Episode]) -> None:
        # Numbers count up, and none comes twice, as in a database; those with one are replaced.
        for episode in sorted(changed, key=lambda each: each.id > 0):
            number = episode.id or len(self.kept.episodes) + 1
            self.kept.episodes[number] = replace(episode, id=number)

    def _check(self, epoch: int) -> None:
        self._free(self.clock())
        if all(lease.epoch != epoch for lease in self.kept.leases.values()):
            raise Stalled(f"the lease of epoch {epoch} is over")

    def _known(self, run: Run) -> Run:
        if run.id not in self.kept.runs:
            raise ValueError(f"run {run.id} is not in this store")
        if self.kept.runs[run.id].epoch != run.epoch:
            raise Stalled(f"run {run.id} was taken over")
        return self.kept.runs[run.id]


def _bare(run: Run) -> Run:
    return replace(run, outcomes=(), host_outcomes=())


def _some(known: dict[str, T], hosts: Collection[str] | None) -> dict[str, T]:
    names = sorted(known if hosts is None else known.keys() & set(hosts))
    return {host: known[host] for host in names}


def _first(seen: set[T], what: T) -> bool:
    new = what not in seen
    seen.add(what)
    return new


def _holds(order: Order, now: datetime) -> bool:
    return order.until is None or order.until > now
