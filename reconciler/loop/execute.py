"""Runs a plan step by step through the carrier, keeps the records, and stops at safe points only.

A safe point is between hosts: a host that was begun is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.ask import Questions
from reconciler.core.due import Assessment
from reconciler.core.observed import Interned
from reconciler.core.payload import Payloads
from reconciler.core.progress import admit
from reconciler.core.remember import Scribe, Stamp
from reconciler.core.settle import settled
from reconciler.loop.leased import LeaseOver, watched
from reconciler.loop.ledger import Delivered, Ledger
from reconciler.loop.recover import recover
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Payload, Status
from reconciler.model.desired import Desired
from reconciler.model.event import HostFinished, RunFinished, RunStarted, StepFinished, StepStarted
from reconciler.model.plan import Plan, Program, Step
from reconciler.model.run import Run, RunStatus
from reconciler.ports import Held

STOPPED = "the run was stopped before this host was begun"


@dataclass(frozen=True, slots=True)
class Execution:
    """A plan to run, with the desired state that it is for and (for a fresh plan) what else was found; for one that
    goes on after a crash, the results that it has already."""

    plan: Plan
    desired: Desired
    assessment: Assessment
    actor: str
    earlier: Mapping[tuple[str, str], Status] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    """One run under way."""

    world: World
    execution: Execution
    ledger: Ledger
    stopping: Callable[[], bool]
    payloads: Payloads
    results: dict[tuple[str, str], Status] = field(default_factory=dict)


def execute(world: World, execution: Execution, stopping: Callable[[], bool]) -> Run:
    """Runs the plan and answers the run as stored. What goes wrong on hosts is in its outcomes.

    Raises LeaseOver when another process may soon begin; hosts that are in doubt then are recovered by that one.
    """
    with world.store.hold("apply") as held:
        stop = watched(held, stopping)
        recover(world, held, stopping)
        running = _begin(world, execution, held, stop)
        try:
            for step in execution.plan.steps:
                _run_step(_open(step, running.results), running)
            _settle(running)
        finally:
            running.ledger.flush()
            if not held.over():  # else it is for whoever comes next to end it
                status = _status(running)
                world.store.end_run(running.ledger.run, status, world.clock.now())
        if held.over():
            raise LeaseOver
        world.tell(RunFinished(running.ledger.run.id, status))
        return world.store.run(running.ledger.run.id) or running.ledger.run


def _begin(world: World, execution: Execution, held: Held, stopping: Callable[[], bool]) -> _Running:
    plan = execution.plan
    run = world.store.begin_run(plan, execution.actor, world.clock.now(), held.epoch)
    hosts = _concerned(execution)
    observations = dict(world.store.observations(hosts))
    ledger = Ledger(
        world=world,
        run=run,
        scribe=Scribe(execution.desired, world.registry, Stamp(plan.revision, run.id, run.started_at)),
        observations=observations,
        ownership=dict(world.store.ownership(hosts)),
        interned=Interned.of(observations.values()),
    )
    world.tell(RunStarted(run.id, plan.digest, len(plan.steps), plan.summary.hosts))
    payloads = Payloads(world.registry, Questions(world.registry))
    return _Running(world, execution, ledger, stopping, payloads, dict(execution.earlier))


def _concerned(execution: Execution) -> set[str]:
    """Hosts whose records may change: those of the plan, and those on which something is adopted or let go."""
    hosts = {host for step in execution.plan.steps for host in step.hosts}
    hosts |= {host for release in execution.assessment.releases for host in release.hosts}
    for verdict, members in execution.assessment.verdicts:
        if verdict.equal or verdict.released:
            hosts.update(members)
    return hosts


def _open(step: Step, results: Mapping[tuple[str, str], Status]) -> Step:
    """The step with only those hosts that have no result yet."""
    if not any(key[0] == step.id for key in results):
        return step
    programs = {name: tuple(h for h in hosts if (step.id, h) not in results) for name, hosts in step.programs.items()}
    return replace(step, programs=programs)


def _run_step(step: Step, running: _Running) -> None:
    admission = admit(step, running.execution.plan, running.execution.desired.services, running.results)
    _skipped(running, step, "skipped", admission.skip)
    if running.stopping():
        _skipped(running, step, "skipped", dict.fromkeys(admission.go, STOPPED))
        return
    running.world.tell(StepStarted(step.id, step.service, len(admission.go)))
    programs, deliveries = _deliveries(step, frozenset(admission.go), running)
    if deliveries:
        running.world.store.intend(running.ledger.run, step.id, tuple(deliveries))
    for reply in running.world.carrier.carry(list(deliveries.values()), running.stopping):
        delivery = deliveries[reply.host]
        if reply.status == "skipped":
            _skipped(running, step, "skipped", {reply.host: STOPPED})
            continue
        counted = running.ledger.take(Delivered(step, programs[reply.host], delivery.payload, reply))
        running.results[step.id, reply.host] = counted.status
        running.world.tell(HostFinished(step.id, counted))
    running.ledger.flush()
    running.world.tell(StepFinished(step.id, step.service))


def _deliveries(step: Step, go: frozenset[str], running: _Running) -> tuple[dict[str, Program], dict[str, Delivery]]:
    """What goes to each host; hosts that the plan doesn't fit any more are noted as stale."""
    execution, ledger = running.execution, running.ledger
    programs: dict[str, Program] = {}
    deliveries: dict[str, Delivery] = {}
    stale: dict[str, str] = {}
    for program_id, hosts in step.programs.items():
        program = execution.plan.programs[program_id]
        for host in hosts:
            if host not in go:
                continue
            ours = ledger.ownership.get(host)
            made = running.payloads.of(program, execution.desired.profiles.get(host), ours.owned if ours else {})
            if isinstance(made, Payload):
                programs[host] = program
                deliveries[host] = _delivery(host, made, running)
            else:
                stale[host] = made
    _skipped(running, step, "stale", stale)
    return programs, deliveries


def _delivery(host: str, payload: Payload, running: _Running) -> Delivery:
    return Delivery(
        host=running.execution.desired.hosts[host],
        payload=payload,
        epoch=running.ledger.run.epoch,
        store=running.world.store.id,
        identity=running.execution.plan.machines.get(host, ""),
    )


def _skipped(running: _Running, step: Step, status: Status, reasons: Mapping[str, str]) -> None:
    running.ledger.skip(step, status, reasons)
    for host in reasons:
        running.results[step.id, host] = status


def _settle(running: _Running) -> None:
    """Records what needed no doing: things found as asked for are adopted, things let go are forgotten."""
    ledger = running.ledger
    for host, records in settled(running.execution.assessment, ledger.scribe, ledger.ownership).items():
        ledger.own(host, records)


def _status(running: _Running) -> RunStatus:
    planned = {(step.id, host) for step in running.execution.plan.steps for host in step.hosts}
    if running.stopping() and any(running.results.get(key, "skipped") == "skipped" for key in planned):
        return "stopped"
    return "succeeded" if all(running.results.get(key) == "done" for key in planned) else "failed"
