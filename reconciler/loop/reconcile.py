"""One whole reconcile, top to bottom: Git → desired, hosts → observed, both → plan → gate → run.

This is the place to start reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.core.alike import in_order, stand_ins, unfit
from reconciler.core.assess import assess
from reconciler.core.due import Assessment, Focus
from reconciler.core.gate import Allowance, Refusal, gate
from reconciler.core.heads import Standing, standing
from reconciler.core.order import Programs
from reconciler.core.plan import Scope, Seen, make_plan
from reconciler.core.remember import Scribe, Stamp, ownership_of
from reconciler.core.settle import adopted
from reconciler.loop.collector import uncollected
from reconciler.loop.desire import Read, read_desired
from reconciler.loop.execute import Execution, execute
from reconciler.loop.observe import Freshness, observe
from reconciler.loop.world import World
from reconciler.model.desired import Desired
from reconciler.model.errors import Stalled
from reconciler.model.observation import Observation, Ownership
from reconciler.model.plan import Plan
from reconciler.model.run import Run


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for: a revision, how fresh answers must be, what to limit the plan to, and hosts to
    look at closely even if nothing changed there."""

    rev: str | None = None
    freshness: Freshness = field(default_factory=Freshness)
    scope: Scope = field(default_factory=Scope)
    look_at: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from. Of hosts on which nothing changed since all was well there are only the heads,
    and of those on which just the same is due as on another, no more."""

    read: Read
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    plan: Plan


NOTHING = Assessment((), (), (), 0, 0)
"""Nothing was looked at."""


def never() -> bool:
    """For work that nobody stops."""
    return False


def plan(world: World, request: Request, stopping: Callable[[], bool] = never) -> Planned:
    """What would be done now. Changes nothing, but stores what hosts said."""
    with uncollected():
        return _plan(world, request, stopping)


def _plan(world: World, request: Request, stopping: Callable[[], bool]) -> Planned:
    read = read_desired(world.reading, request.rev, refresh=request.freshness.max_age is not None)
    observe(world, read.desired, request.freshness, stopping)
    memory = world.memory
    memory.standing = stand = standing(read.desired, world.store.heads(), memory.standing)
    looked = _look(world, read.desired, stand, request.look_at)
    if request.freshness.max_age is not None:  # who asks no host may have a store that can't be written
        world.store.note_in_order(in_order(looked.assessment, read.desired, stand.heads))
    seen = Seen(stand, Programs(memory.programs))
    made = make_plan(looked.assessment, read.desired, seen, request.scope)
    memory.programs = seen.programs.made
    return Planned(read, looked.observations, looked.ownership, looked.assessment, made)


@dataclass(frozen=True, slots=True)
class _Looked:
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment


def _look(world: World, desired: Desired, stand: Standing, alone: frozenset[str]) -> _Looked:
    """Reads and assesses the hosts that have to be looked at; of hosts that are alike one, where that is enough."""
    others = stand_ins(desired, stand, alone)
    while True:
        spared = {host for hosts in others.values() for host in hosts[1:]}
        hosts = (stand.open - spared) | alone
        observations, ownership = world.store.observations(hosts), world.store.ownership(hosts)
        focus = Focus(hosts, world.memory.judged, others)
        assessment = assess(desired, observations, ownership, world.registry, focus)
        world.memory.judged = assessment.judged
        each = unfit(assessment, desired, others)
        if not each:
            return _Looked(observations, ownership, assessment)
        others = {host: hosts for host, hosts in others.items() if host not in each}


def refusals(world: World, planned: Planned, allowance: Allowance) -> list[Refusal]:
    """The limits that keep a plan from running; nothing means go."""
    return gate(planned.plan, planned.read.desired, world.limits, allowance)


def apply(world: World, planned: Planned, actor: str, stopping: Callable[[], bool] = never) -> Run:
    """Runs a plan that was made just now and that the gate has let through."""
    # What a target leaves out is not adopted or let go by the way either.
    assessment = NOTHING if planned.plan.incomplete else planned.assessment
    return execute(world, Execution(planned.plan, planned.read.desired, assessment, actor), stopping)


def saved(world: World, made: Plan, rev: str | None) -> Planned:
    """A plan that was written to a file, with what it takes to run it.

    Raises Stalled when a pin no longer holds: Git has moved, or the plan ran already. Whether each host still is as
    planned is checked on the host itself.
    """
    earlier = world.store.runs_of(made.digest)
    if earlier:
        raise Stalled(f"this plan was applied already, in run {earlier[0].id}", "make a new plan")
    read = read_desired(world.reading, rev)
    if read.revision.sha != made.revision:
        raise Stalled(
            f"this plan is for revision {made.revision[:7]}, and Git is at {read.revision.sha[:7]} now",
            "make a new plan, or name the revision: --rev " + made.revision[:7],
        )
    return Planned(read, {}, {}, NOTHING, made)


def watch(world: World, planned: Planned) -> None:
    """Writes down what was found as Git asks and is on no record yet, so that a later change of it is known as drift.

    Adopted things are never deleted, so this is safe to do without applying.
    """
    scribe = Scribe(planned.read.desired, world.registry, Stamp(planned.plan.revision, 0, world.clock.now()))
    records = adopted(planned.assessment, scribe, planned.ownership)
    if records:
        world.store.save_ownership(
            ownership_of(host, owned, planned.read.desired, planned.ownership.get(host))
            for host, owned in records.items()
        )
