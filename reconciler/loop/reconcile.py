"""One whole reconcile, top to bottom: Git → desired, hosts → observed, both → plan → gate → run.

This is the place to start reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.core.assessing.alike import in_order
from reconciler.core.assessing.due import Assessment
from reconciler.core.gate import Allowance, Circumstances, Refusal, covered, gate, halted_services
from reconciler.core.planning.plan import Only, Scope
from reconciler.core.planning.plan_json import read_plan
from reconciler.core.planning.undo import all_at_once
from reconciler.core.proposing.effect import effect_of, is_effect
from reconciler.core.recording.remember import Scribe, Stamp, ownership_of
from reconciler.core.recording.settle import noted
from reconciler.core.running.progress import Results
from reconciler.core.running.recovery import carried_over
from reconciler.loop.collector import uncollected
from reconciler.loop.desire import Read, read_desired
from reconciler.loop.execute import Execution, Shift, execute
from reconciler.loop.grounds import RECENT, Grounds, plan_from
from reconciler.loop.history import at_work, note_drift
from reconciler.loop.leased import watched
from reconciler.loop.observe import Freshness, observe
from reconciler.loop.orders import orders, timetable
from reconciler.loop.recover import recover
from reconciler.loop.rollback import Failed, roll_back
from reconciler.loop.rollout import Rollouts
from reconciler.loop.world import Memory, World
from reconciler.model.errors import ReconcilerError, Stalled
from reconciler.model.event import RolledBack
from reconciler.model.observation import Head, Observation, Ownership
from reconciler.model.plan import Plan
from reconciler.model.run import Run
from reconciler.ports import Held


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for: a revision, how fresh answers must be, what to limit the plan to, and hosts to
    look at closely even if nothing changed there. `aside`: the revision is not the one that hosts are kept at, so what
    differs from it says nothing of them."""

    rev: str | None = None
    freshness: Freshness = field(default_factory=Freshness)
    scope: Scope = field(default_factory=Scope)
    look_at: frozenset[str] = frozenset()
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from. Of hosts on which nothing changed since all was well there are only the heads,
    and of those on which just the same is due as on another, no more.

    `earlier` are the results of a run of it that was interrupted.
    """

    read: Read
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    plan: Plan
    earlier: Results = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)


NOTHING = Assessment((), (), (), 0, 0)
"""Nothing was looked at."""


def never() -> bool:
    """For work that nobody stops."""
    return False


def plan(world: World, request: Request, stopping: Callable[[], bool] = never) -> Planned:
    """What would be done now. Changes nothing, but stores what hosts said."""
    with uncollected():
        asking, only = request.freshness.max_age is not None, request.scope.only
        # What goes back goes where it was, wherever it is pinned to now.
        pins = orders(world).pins if only is None else {}
        read = read_desired(world.reading, request.rev, pins, refresh=asking)
        if only is not None:
            read = replace(read, desired=all_at_once(read.desired, only.service))
        observe(world, read.desired, request.freshness, stopping)
        made = planned(world, read, request, noting=asking)
        world.reading.library.settle()
        return made


def planned(world: World, read: Read, request: Request, *, noting: bool) -> Planned:
    """What would be done by what the store knows. `noting` keeps which hosts were found in order, and what drifts:
    who asks no host may have a store that can't be written."""
    # The way back of one service is no measure for the next plan.
    memory = world.memory if request.scope.only is None else Memory()
    grounds = Grounds(world.store, world.registry, world.caution, memory)
    made = plan_from(grounds, read.desired, request.scope, request.look_at)
    if noting:
        world.store.note_in_order(in_order(made.assessment, read.desired, made.heads))
        if request.scope.only is None and not request.aside:
            note_drift(world, read.desired, made.assessment, made.observations, made.ownership)
    return Planned(read, made.observations, made.ownership, made.assessment, made.plan, heads=made.heads)


def refusals(world: World, planned: Planned, allowance: Allowance) -> list[Refusal]:
    """The limits that keep a plan from running; nothing means go. For everybody who applies, by hand or not."""
    desired, now, digest = planned.read.desired, world.clock.now(), planned.plan.digest
    circumstances = Circumstances(
        coverage=covered(desired, world.store.heads()),
        halted=halted(world, planned.plan.revision),
        approvals=[given for given in world.store.approvals(digest) if given.holds(now)],
        allowance=allowance,
        timetable=timetable(world, desired),
        now=now,
    )
    refused = gate(planned.plan, desired, world.limits, circumstances)
    if not refused:
        return refused
    # Perhaps what it does was approved on a pull request, when there was no such plan yet.
    effect = effect_of(planned.plan).digest
    given = [given for given in world.store.approvals(effect) if given.holds(now)]
    return (
        gate(planned.plan, desired, world.limits, replace(circumstances, approvals=given, effect=effect))
        if given
        else refused
    )


def halted(world: World, revision: str) -> dict[str, Run]:
    """Services that were halted at a revision and are not tried again by themselves, each with the run."""
    last = world.store.last_runs(revision)
    whole = {run.id: world.store.run(run.id) or run for run in last.values() if run.status == "halted"}
    return halted_services({service: whole.get(run.id, run) for service, run in last.items()})


def keep(world: World, planned: Planned) -> None:
    """Stores a plan, so that somebody can approve it. Where the store can't be written, nobody can."""
    with suppress(ReconcilerError):
        world.store.keep_plan(planned.plan, world.clock.now())


def apply(
    world: World,
    planned: Planned,
    actor: str,
    stopping: Callable[[], bool] = never,
    giving_way: Callable[[], bool] = never,
) -> Run:
    """Runs a plan that was made just now and that the gate has let through. Batches that fail and have to go back do
    so in runs of their own. Once it is `stopping` no further host is begun, once it is `giving_way` no further step."""
    made = planned.plan
    with world.store.hold("apply") as held:
        stop = watched(held, stopping)
        recover(world, held, stop)
        rollouts = Rollouts.of(world, made, planned.read, planned.earlier)
        # What a target leaves out is not adopted or let go by the way either.
        assessment = NOTHING if made.incomplete else planned.assessment
        execution = Execution(made, planned.read.desired, assessment, actor, rollouts)
        run = execute(world, execution, Shift(held, stop, _WayBack(world, actor, held, stop).undo, giving_way))
    world.store.tidy(world.clock.now(), world.keep)
    return run


@dataclass(frozen=True, slots=True)
class _WayBack:
    """Goes back to earlier revisions, in runs that name the one that failed and that is not over before them."""

    world: World
    actor: str
    held: Held
    stopping: Callable[[], bool]

    def undo(self, run: Run, rollouts: Rollouts) -> None:
        """Brings the batches back that have to go. What was brought back before a crash is there already."""
        for step in rollouts.undo:
            failed = Failed(run, step, rollouts.results)
            roll_back(self.world, failed, rollouts.plan.rollouts[step.service], partial(self._go, run))

    def _go(self, failed: Run, revision: str, only: Only) -> str:
        """Why it could not be done, or nothing."""
        world, freshness = self.world, Freshness(only=only.hosts)
        planned = plan(world, Request(revision, freshness, Scope(only=only)), self.stopping)
        if refused := refusals(world, planned, Allowance(again=True)):
            return refused[0].message
        if not planned.plan.summary.changes:
            return "" if revision != failed.revision else f"the hosts were at revision {revision[:7]} before, too"
        made = planned.plan
        rollouts = Rollouts.of(world, made, planned.read, {})
        execution = Execution(made, planned.read.desired, NOTHING, self.actor, rollouts, undoes=failed.id)
        run = execute(world, execution, Shift(self.held, self.stopping, self.undo))
        world.tell(RolledBack(only.service, run.id, run.status, revision, len(only.hosts)))
        return "" if run.status == "succeeded" else f"run {run.id} was to bring it back, and ended so: {run.status}"


def settle_interrupted(world: World, stopping: Callable[[], bool] = never) -> None:
    """Recovers runs whose process died, so that a plan which is made now knows what they did. See `loop.recover`.

    Raises Retry when one of them is not dead but at work.
    """
    if world.store.unfinished():
        with world.store.hold("apply") as held:
            recover(world, held, stopping)


def resumed(world: World) -> Planned | None:
    """The plan that has to go on: of the last run, if that was interrupted and Git has not moved since.

    Its batches go on where they were, and so does its budget. Runs that only took something back don't count.
    """
    last = next((run for run in world.store.runs(RECENT) if run.undoes is None), None)
    if last is None or last.status != "interrupted" or world.reading.source.poll(None).sha != last.revision:
        return None
    with suppress(Stalled):  # one that an older version wrote
        return saved(world, read_plan(world.store.plan(last.plan) or b""), None)
    return None


def saved(world: World, made: Plan, rev: str | None) -> Planned:
    """A plan that was written to a file, with what it takes to run it.

    One whose run was interrupted goes on where that was. Raises Stalled when a pin no longer holds: Git has moved, or
    the plan ran already. Whether each host still is as planned is checked on the host itself.
    """
    if is_effect(made):
        raise Stalled(
            f"{made.digest[:16]} is what a pull request would do, and no plan",
            f"merge it, then: reconciler apply --expect {made.digest[:16]}",
        )
    earlier = world.store.runs_of(made.digest)
    if earlier and earlier[0].status != "interrupted":
        raise Stalled(f"this plan was applied already, in run {earlier[0].id}", "make a new plan")
    read = read_desired(world.reading, rev, orders(world).pins)
    if read.revision.sha != made.revision:
        raise Stalled(
            f"this plan is for revision {made.revision[:7]}, and Git is at {read.revision.sha[:7]} now",
            "make a new plan, or name the revision: --rev " + made.revision[:7],
        )
    return going_on(world, made, read)


def going_on(world: World, made: Plan, read: Read) -> Planned:
    """A plan that goes on after what its runs have done already."""
    earlier = [whole for run in reversed(world.store.runs_of(made.digest)) if (whole := world.store.run(run.id))]
    return Planned(read, {}, {}, NOTHING, made, carried_over(earlier))


def watch(world: World, planned: Planned, let_go: Collection[str] = ()) -> None:
    """Writes down what was found as Git asks and is on no record yet, so that a later change of it is known as drift;
    and forgets what is gone. Of services that may `let_go`, it also forgets what left Git and is not ours to delete.

    Adopted things are never deleted, so this is safe to do without applying.
    """
    scribe = Scribe(planned.read.desired, world.registry, Stamp(planned.plan.revision, 0, world.clock.now()))
    records = noted(planned.assessment, scribe, planned.ownership, let_go)
    unsure = at_work(world)
    records = {host: owned for host, owned in records.items() if host not in unsure}
    if records:
        world.store.save_ownership(
            ownership_of(host, owned, planned.read.desired, planned.ownership.get(host))
            for host, owned in records.items()
        )
