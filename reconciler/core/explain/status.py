"""How things stand, as a person on call needs it: what is under way, what waits and for what, what is near its limit.

Puts together what other modules found; decides nothing itself and asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconciler.core.assessing.differ import Differing
from reconciler.core.explain.silence import Silence
from reconciler.core.gate import Coverage, Limits, Refusal, allowed_deletes
from reconciler.core.gate.drift import allowed_drift, drifting_hosts
from reconciler.core.gate.timetable import Timetable
from reconciler.core.running.budget import FAILURES
from reconciler.core.running.recovery import results_of
from reconciler.model.attempt import Attempt
from reconciler.model.desired import Desired
from reconciler.model.episode import Episode
from reconciler.model.lease import Lease
from reconciler.model.order import NO_ORDERS, Order, Orders
from reconciler.model.plan import Plan
from reconciler.model.run import Run

NEAR = 0.5
"""The share of a limit from which it is worth a look."""
State = Literal["in order", "drift", "pending", "unknown", "rolling out", "halted"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a run is with one service: the batch that it is at, hosts that are through (well or not), and those that
    failed, of the budget (None: it has none)."""

    service: str
    run: int
    batch: int
    batches: int
    through: int
    hosts: int
    failed: int
    budget: int | None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service. `why` says what keeps it from being brought into order (empty: nothing), `until` when that ends."""

    name: str
    state: State
    owner: str = ""
    pending: int = 0
    drift: int = 0
    unknown: int = 0
    why: str = ""
    until: datetime | None = None
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """How much of a limit is used: `words` say it, `share` is 1 where it is reached."""

    name: str
    words: str
    share: float


@dataclass(frozen=True, slots=True)
class Revision:
    """Where Git is. `problems` are those of its documents that can't be used."""

    sha: str
    subject: str
    committed_at: datetime
    problems: int


@dataclass(frozen=True, slots=True)
class Drift:
    """What was noted of drift that goes on: things, hosts, and since when the oldest."""

    things: int = 0
    hosts: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What Git and the store say together; `fleet` hosts, of which `coverage` says how many answered. `services` are
    all that are not in order, `settled` counts the others. `refused` are limits that a plan of now breaks, and `plan`
    is the digest of that, so that somebody can approve it."""

    fleet: int
    coverage: Coverage
    oldest: datetime | None
    silence: Silence
    services: tuple[ServiceStatus, ...]
    settled: int
    drift: Drift
    figures: tuple[Figure, ...]
    halted: Mapping[str, int]
    refused: tuple[Refusal, ...] = ()
    plan: str = ""

    @property
    def near(self) -> list[Figure]:
        """Limits that are used up in good part."""
        return [figure for figure in self.figures if figure.share >= NEAR]


@dataclass(frozen=True, slots=True)
class Status:
    """`brake` is the pause that needs no store; `lead` and `applies` are the leases of whoever leads and applies, or
    did last and died. `revision` and `timetable` are what Git says by itself (None: it could not be read, for the
    reason in `trouble`). `away` says why the store can't be asked: then nothing is known of what is in it."""

    brake: Order | None
    orders: Orders = NO_ORDERS
    attempts: tuple[Attempt, ...] = ()
    runs: tuple[Run, ...] = ()
    lead: Lease | None = None
    applies: Lease | None = None
    revision: Revision | None = None
    timetable: Timetable = field(default_factory=Timetable)
    outlook: Outlook | None = None
    trouble: str = ""
    away: str = ""

    @property
    def pause(self) -> Order | None:
        return self.brake or self.orders.pause


def rollouts(run: Run, plan: Plan) -> list[Rollout]:
    """How far a run (with its outcomes) is with each service of its plan, in the plan's order."""
    fates = results_of(run)
    found: list[Rollout] = []
    for service in dict.fromkeys(step.service for step in plan.steps):
        steps = [step for step in plan.steps if step.service == service]
        through = [[host for host in step.hosts if (step.id, host) in fates] for step in steps]
        at = next((n for n, step in enumerate(steps) if len(through[n]) < len(step.hosts)), len(steps) - 1)
        failed = {host for step in steps for host in step.hosts if fates.get((step.id, host)) in FAILURES}
        terms = plan.rollouts.get(service)
        done, hosts = sum(map(len, through)), sum(len(step.hosts) for step in steps)
        budget = terms.budget if terms else None
        found.append(Rollout(service, run.id, at + 1, len(steps), done, hosts, len(failed), budget))
    return found


def drift_of(episodes: Iterable[Episode]) -> Drift:
    """What goes on, of episodes that have no end."""
    going_on = list(episodes)
    hosts = frozenset[str]().union(*(episode.hosts for episode in going_on))
    since = min((episode.since for episode in going_on), default=None)
    return Drift(len({episode.thing for episode in going_on}), len(hosts), since)


def figures(plan: Plan, limits: Limits, coverage: Coverage) -> tuple[Figure, ...]:
    """How much of each limit the plan that would be made now uses up."""
    deletes, most = plan.summary.delete, allowed_deletes(plan.managed, limits)
    drift, bearable = drifting_hosts(plan), allowed_drift(plan, limits)
    missing = 1 - limits.coverage
    share = coverage.missing / coverage.asked if coverage.asked else 0.0
    few = coverage.missing < limits.coverage_missing
    return (
        Figure("deletes", f"{deletes:,} of {most:,} deletes", deletes / most if most else float(deletes > 0)),
        Figure("mass-drift", f"drift on {drift:,} of {bearable:,} hosts that are healed", drift / max(1, bearable)),
        Figure(
            "coverage",
            f"{share:.1%} of hosts silent, of {missing:.0%} with which things are deleted",
            0.0 if few or not missing else share / missing,
        ),
    )


@dataclass(frozen=True, slots=True)
class Circumstance:
    """All that says how services are: what differs, why they wait and until when, what runs are at, and which were
    halted, with the run."""

    differing: Mapping[str, Differing]
    waiting: Mapping[str, tuple[str, datetime | None]]
    rollouts: Sequence[Rollout]
    halted: Mapping[str, int]


def services(desired: Desired, about: Circumstance) -> tuple[ServiceStatus, ...]:
    """Every service that is not in order or that a run is at, those first that something keeps from it."""
    running = {each.service: each for each in about.rollouts}
    names = about.differing.keys() | running.keys() | about.halted.keys()
    found = [_service(name, desired, about, running.get(name)) for name in names]
    return tuple(sorted(found, key=lambda each: (_ORDER.index(each.state), each.name)))


_ORDER: tuple[State, ...] = ("halted", "rolling out", "pending", "drift", "unknown", "in order")


def _service(name: str, desired: Desired, about: Circumstance, rollout: Rollout | None) -> ServiceStatus:
    service, differs = desired.services.get(name), about.differing.get(name)
    why, until = about.waiting.get(name, ("", None))
    return ServiceStatus(
        name=name,
        state=_state(name, about, differs, rollout),
        owner=service.owner if service else "",
        pending=differs.pending if differs else 0,
        drift=differs.drift if differs else 0,
        unknown=differs.unknown if differs else 0,
        why=why,
        until=until,
        rollout=rollout,
    )


def _state(name: str, about: Circumstance, differs: Differing | None, rollout: Rollout | None) -> State:
    if rollout is not None:
        return "rolling out"
    if name in about.halted:
        return "halted"
    if differs is None:
        return "in order"
    if differs.pending:
        return "pending"
    return "drift" if differs.drift else "unknown"
