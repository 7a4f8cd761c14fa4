"""One whole reconcile, top to bottom: Git → desired, hosts → observed, both → plan → gate → run.

This is the place to start reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from reconciler.core.assess import assess
from reconciler.core.due import Assessment
from reconciler.core.gate import Allowance, Circumstances, Refusal, covered, gate, last_halted
from reconciler.core.heads import in_order, settled, unsettled
from reconciler.core.plan import Only, Scope, Seen, make_plan
from reconciler.core.remember import Scribe, Stamp, ownership_of
from reconciler.core.settle import adopted
from reconciler.core.undo import all_at_once, last_good
from reconciler.loop.desire import Read, read_desired
from reconciler.loop.execute import Execution, execute
from reconciler.loop.observe import Freshness, observe
from reconciler.loop.rollback import Failed, roll_back
from reconciler.loop.rollout import Rollouts
from reconciler.loop.world import World
from reconciler.model.errors import ReconcilerError, Stalled
from reconciler.model.event import RolledBack
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
    """A plan with what it was made from; of hosts on which nothing changed since all was well, only the heads."""

    read: Read
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    plan: Plan


RECENT = 20
"""Runs that are looked at for one that was halted."""

NOTHING = Assessment((), (), (), 0, 0)
"""Nothing was looked at."""


def never() -> bool:
    """For work that nobody stops."""
    return False


def plan(world: World, request: Request, stopping: Callable[[], bool] = never) -> Planned:
    """What would be done now. Changes nothing, but stores what hosts said."""
    read = read_desired(world.reading, request.rev, refresh=request.freshness.max_age is not None)
    only = request.scope.only
    if only is not None:
        read = replace(read, desired=all_at_once(read.desired, only.service))
    observe(world, read.desired, request.freshness, stopping)
    heads = world.store.heads()
    known = settled(read.desired, heads) - request.look_at
    if only is not None:  # the others are not looked at
        known |= frozenset(read.desired.hosts) - only.hosts
    hosts = unsettled(read.desired, heads, known)
    observations, ownership = world.store.observations(hosts), world.store.ownership(hosts)
    assessment = assess(read.desired, observations, ownership, world.registry, known)
    if request.freshness.max_age is not None:  # who asks no host may have a store that can't be written
        world.store.note_in_order(in_order(assessment, read.desired, observations))
    made = make_plan(assessment, read.desired, Seen(heads, observations), request.scope, world.caution)
    return Planned(read, observations, ownership, assessment, made)


def refusals(world: World, planned: Planned, allowance: Allowance) -> list[Refusal]:
    """The limits that keep a plan from running; nothing means go."""
    circumstances = Circumstances(
        coverage=covered(planned.read.desired, world.store.heads()),
        halted=last_halted(world.store.runs(RECENT), planned.plan.revision),
        approvals=[given for given in world.store.approvals(planned.plan.digest) if given.holds(world.clock.now())],
        allowance=allowance,
    )
    return gate(planned.plan, planned.read.desired, world.limits, circumstances)


def keep(world: World, planned: Planned) -> None:
    """Stores a plan, so that somebody can approve it. Where the store can't be written, nobody can."""
    with suppress(ReconcilerError):
        world.store.keep_plan(planned.plan)


def apply(world: World, planned: Planned, actor: str, stopping: Callable[[], bool] = never) -> Run:
    """Runs a plan that was made just now and that the gate has let through. Batches that fail and have to go back do
    so in runs of their own."""
    plan, desired = planned.plan, planned.read.desired
    going_back = frozenset(name for name, terms in plan.rollouts.items() if terms.on_failure == "rollback")
    concerned = {host for step in plan.steps if step.service in going_back for host in step.hosts}
    good = last_good(world.store.ownership(concerned), going_back) if concerned else {}
    rollouts = Rollouts.of(world, plan, desired, planned.read.linked)
    # What a target leaves out is not adopted or let go by the way either.
    assessment = NOTHING if plan.incomplete else planned.assessment
    run = execute(world, Execution(plan, desired, assessment, actor, rollouts), stopping)
    for step in rollouts.undo:
        way_back = _WayBack(world, run, actor, stopping)
        roll_back(world, Failed(run, step, rollouts.results), good, way_back)
    return run


@dataclass(frozen=True, slots=True)
class _WayBack:
    """Goes back to a revision, in a run that names the one that failed."""

    world: World
    failed: Run
    actor: str
    stopping: Callable[[], bool]

    def __call__(self, revision: str, only: Only) -> str:
        """Why it could not be done, or nothing."""
        world, freshness = self.world, Freshness(only=only.hosts)
        planned = plan(world, Request(revision, freshness, Scope(only=only)), self.stopping)
        if refused := refusals(world, planned, Allowance(again=True)):
            return refused[0].message
        if not planned.plan.summary.changes:
            return f"there is nothing to change: the hosts are as revision {revision[:7]} says"
        made, desired = planned.plan, planned.read.desired
        rollouts = Rollouts.of(world, made, desired, planned.read.linked)
        execution = Execution(made, desired, NOTHING, self.actor, rollouts, undoes=self.failed.id)
        run = execute(world, execution, self.stopping)
        world.tell(RolledBack(only.service, run.id, run.status, revision, len(only.hosts)))
        return "" if run.status == "succeeded" else f"run {run.id} was to bring it back, and ended so: {run.status}"


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
