"""Takes over runs whose process died: asks the hosts that are in doubt, writes down what became of them, ends the run.

The plan comes from the store and is filled from Git at its own revision, so that what counts as done is what was
approved. Asking fences: a packet of the dead process that arrives later is refused by the host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.core.observing.observed import Interned
from reconciler.core.planning.plan_json import read_plan
from reconciler.core.recording.remember import Scribe, Stamp
from reconciler.core.running.recovery import GONE, Case, in_doubt, judge, question, results_of
from reconciler.loop.desire import read_desired
from reconciler.loop.leased import watched
from reconciler.loop.ledger import Delivered, Ledger
from reconciler.loop.secrets import Opened
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Payload
from reconciler.model.desired import Desired, Host
from reconciler.model.errors import Stalled
from reconciler.model.event import RunRecovered
from reconciler.model.plan import Plan, Step
from reconciler.model.run import Run
from reconciler.ports import Held


def recover(world: World, held: Held, stopping: Callable[[], bool]) -> None:
    """Ends every run that was interrupted; listeners hear of each. For whoever holds the lease to apply.

    A run stays as it is when this is stopped or dies itself: the next one goes on.
    """
    for left in world.store.unfinished():
        run = world.store.take_over(left, held.epoch)
        whole = replace(world.store.run(run.id) or run, epoch=run.epoch)
        plan = read_plan(world.store.plan(run.plan) or b"")
        doubt = in_doubt(plan, world.store.intents(run.id), results_of(whole))
        counts = _settle(world, _Interrupted(run, plan, doubt), watched(held, stopping))
        if counts is None:
            return
        world.store.end_run(run, "interrupted", world.clock.now())
        unclear = sum(map(len, doubt.values())) - counts["done"] - counts["skipped"]
        world.tell(RunRecovered(run.id, run.started_at, counts["done"], counts["skipped"], unclear))


@dataclass(frozen=True, slots=True)
class _Interrupted:
    """`doubt` are hosts with the epoch of their intent, by step."""

    run: Run
    plan: Plan
    doubt: Mapping[str, Mapping[str, int]]


def _settle(world: World, left: _Interrupted, stopping: Callable[[], bool]) -> Counter[str] | None:
    """How many hosts got which status; None when stopped before all were asked."""
    counts: Counter[str] = Counter()
    if not left.doubt:
        return counts
    desired = _desired(world, left.run.revision)
    ledger = _ledger(world, left, desired)
    questions = {name: question(program) for name, program in left.plan.programs.items()}
    try:
        for step in left.plan.steps:
            cases = _cases(step, left, ledger)
            ledger.skip(step, "lost", {host: GONE for host in cases if host not in desired.hosts})
            payloads = {host: questions[case.program.id] for host, case in cases.items() if host in desired.hosts}
            fences = [_fence(world, left, desired.hosts[host], payload) for host, payload in payloads.items()]
            for reply in world.carrier.carry(fences, stopping):
                if reply.status == "skipped":
                    return None
                judged = judge(cases[reply.host], reply, world.registry)
                counts[judged.status] += 1
                ledger.take(Delivered(step, cases[reply.host].program, payloads[reply.host], judged))
        return counts
    finally:
        ledger.flush()


def _desired(world: World, revision: str) -> Desired:
    """What Git asked for then; nothing when that revision is gone."""
    try:
        return read_desired(world.reading, revision).desired
    except Stalled:
        return Desired(revision, {}, {}, {})


def _ledger(world: World, left: _Interrupted, desired: Desired) -> Ledger:
    hosts = {host for hosts in left.doubt.values() for host in hosts}
    observations = dict(world.store.observations(hosts))
    return Ledger(
        world=world,
        run=left.run,
        scribe=Scribe(desired, world.registry, Stamp(left.plan.revision, left.run.id, left.run.started_at)),
        observations=observations,
        ownership=dict(world.store.ownership(hosts)),
        interned=Interned.of(observations.values()),
        secrets=Opened(world.secrets(), desired.secrets),
    )


def _cases(step: Step, left: _Interrupted, ledger: Ledger) -> dict[str, Case]:
    """The hosts in doubt of a step."""
    doubt = left.doubt.get(step.id, {})
    cases: dict[str, Case] = {}
    for name, hosts in step.programs.items():
        for host in hosts:
            if host in doubt:
                ours = ledger.ownership.get(host)
                profile = ledger.scribe.desired.profiles.get(host)
                cases[host] = Case(left.plan.programs[name], doubt[host], profile, ours.owned if ours else {})
    return cases


def _fence(world: World, left: _Interrupted, host: Host, payload: Payload) -> Delivery:
    return Delivery(host, payload, left.run.epoch, world.store.id, left.plan.machines.get(host.name, ""))
