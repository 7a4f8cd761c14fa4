"""Gathers how things stand from Git, the store and the brake. Asks no host, and writes nothing.

What can't be read is said, and the rest is told all the same: who looks here has trouble already.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from reconciler.core.assessing.differ import Differing, differing
from reconciler.core.explain.silence import silence
from reconciler.core.explain.status import (
    Circumstance,
    Outlook,
    Revision,
    Rollout,
    Status,
    drift_of,
    figures,
    rollouts,
    services,
)
from reconciler.core.gate import Allowance, covered
from reconciler.core.gate.timetable import Timetable
from reconciler.core.planning.plan_json import read_plan
from reconciler.core.serving.agenda import Situation, agenda
from reconciler.loop.desire import Read, read_desired
from reconciler.loop.lead import PURPOSE
from reconciler.loop.observe import Freshness
from reconciler.loop.orders import braked, timetable
from reconciler.loop.reconcile import Planned, Request, halted, plan, refusals
from reconciler.loop.world import Reading, World
from reconciler.model.errors import ReconcilerError, Stalled
from reconciler.model.order import Order

RUNS = 5
FAR = timedelta(days=1)
ELSEWHERE = ("pause", "freeze", "window")
"""What keeps a plan from running that is told by itself."""


def status(world: World, rev: str | None = None) -> Status:
    """How things stand now; as far as it is known without the store, while that can't be asked."""
    try:
        found = _stored(world)
    except ReconcilerError as error:
        return storeless(world.reading, braked(world), rev, error.message)
    try:
        planned = plan(world, Request(rev, Freshness(None)))
        times = timetable(world, planned.read.desired)
        outlook = _outlook(world, planned, times)
    except ReconcilerError as error:
        return replace(found, trouble=error.message)
    return replace(found, revision=_revision(planned.read), timetable=times, outlook=outlook)


def storeless(reading: Reading, brake: Order | None, rev: str | None, away: str) -> Status:
    """What is known when the store can't be asked, for the reason in `away`: the pause of this machine, and Git."""
    found = Status(brake, away=away)
    try:
        read = read_desired(reading, rev)
    except ReconcilerError as error:
        return replace(found, trouble=error.message)
    return replace(found, revision=_revision(read), timetable=Timetable(read.desired.windows, read.desired.freezes))


def _stored(world: World) -> Status:
    """What the store knows by itself."""
    store = world.store
    return Status(
        brake=braked(world),
        orders=store.orders(world.clock.now()),
        attempts=tuple(store.attempts().values()),
        runs=tuple(store.runs(RUNS)),
        lead=store.holder(PURPOSE),
        applies=store.holder("apply"),
    )


def _outlook(world: World, planned: Planned, times: Timetable) -> Outlook:
    desired, heads, made = planned.read.desired, planned.heads, planned.plan
    stopped = _halted(world, made.revision)
    under_way = _rollouts(world)
    differs = differing(made, desired, planned.assessment)
    # What a run is at does not wait.
    idle = {name: each for name, each in differs.items() if name not in {rollout.service for rollout in under_way}}
    situation = _situation(world, planned, idle, times)
    waiting = {each.service: (each.why, each.until) for each in agenda(situation).waiting}
    about = Circumstance(differs, waiting, under_way, stopped)
    found, coverage = services(desired, about), covered(desired, heads)
    return Outlook(
        fleet=len(desired.hosts),
        coverage=coverage,
        oldest=made.observed_at,
        silence=silence(desired, heads),
        services=found,
        settled=len(desired.services.keys() - {each.name for each in found}),
        drift=drift_of(world.store.drifting()[1]),
        figures=figures(made, world.limits, coverage),
        halted=stopped,
        refused=tuple(each for each in refusals(world, planned, Allowance(again=True)) if each.limit not in ELSEWHERE),
        plan=made.digest,
    )


def _halted(world: World, revision: str) -> dict[str, int]:
    return {service: run.id for service, run in halted(world, revision).items()}


def _situation(world: World, planned: Planned, differs: Mapping[str, Differing], times: Timetable) -> Situation:
    """What a daemon that knows all of this would go by; it is told why things wait, and is not asked to do anything."""
    now, attempts = world.clock.now(), world.store.attempts()
    refused = {each.plan for each in attempts.values() if each.plan and not each.ok}
    approved = {digest for digest in refused if any(given.holds(now) for given in world.store.approvals(digest))}
    return Situation(
        now=now,
        revision=planned.plan.revision,
        poll_at=now + FAR,
        planned_at=now,
        approved=frozenset(approved),
        differing=differs,
        attempts=attempts,
        timetable=times,
    )


def _revision(read: Read) -> Revision:
    git, problems = read.revision, read.desired.problems
    return Revision(git.sha, git.subject, git.committed_at, sum(each.severity == "error" for each in problems))


def _rollouts(world: World) -> list[Rollout]:
    """How far runs are that have no end yet."""
    found: list[Rollout] = []
    for run in world.store.unfinished():
        with suppress(Stalled):  # a plan that an older version wrote
            made = read_plan(world.store.plan(run.plan) or b"")
            found += rollouts(world.store.run(run.id) or run, made)
    return found
