"""Runs a plan step by step through the carrier, keeps the records, and stops at safe points only.

There are two kinds of them. Between hosts it stops: a host that was begun is finished. Between steps it gives way to
something newer: a batch that was begun is finished too, so that no part of it is left as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.assessing.due import Assessment
from reconciler.core.observing.ask import Questions
from reconciler.core.observing.observed import Interned
from reconciler.core.planning.fill import Fill, Withheld
from reconciler.core.planning.payload import Payloads
from reconciler.core.recording.remember import Scribe, Stamp
from reconciler.core.recording.settle import settled
from reconciler.loop.leased import LeaseOver
from reconciler.loop.ledger import Delivered, Ledger
from reconciler.loop.rollout import Rollouts
from reconciler.loop.secrets import Opened
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Outcome, Payload, Reply, Status
from reconciler.model.desired import Desired
from reconciler.model.event import HostFinished, HostWorking, RunFinished, RunStarted, StepFinished, StepStarted
from reconciler.model.plan import Plan, Program, Step
from reconciler.model.run import Run, RunStatus
from reconciler.ports import Held

STOPPED = "the run was stopped before this host was begun"
OVERTAKEN = "something newer was to be done before this host was begun"


@dataclass(frozen=True, slots=True)
class Execution:
    """A plan to run, with the desired state that it is for and (for a fresh plan) what else was found. `undoes` is the
    run of which it takes a part back. `rollouts` have what an interrupted run of the plan has done already."""

    plan: Plan
    desired: Desired
    assessment: Assessment
    actor: str
    rollouts: Rollouts
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """Under which lease a plan is run, what stops it, what is done about batches that have to go back, before the run
    ends (a run that dies before that is not over), and whether it is to make way for something newer."""

    held: Held
    stopping: Callable[[], bool]
    undo: Callable[[Run, Rollouts], None]
    giving_way: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class _Running:
    """One run under way."""

    world: World
    execution: Execution
    ledger: Ledger
    shift: Shift
    payloads: Payloads

    def stopping(self) -> bool:
        return self.shift.stopping()

    def resting(self) -> bool:
        """Whether nothing more is to be begun: neither another step nor another look at how hosts are."""
        return self.shift.stopping() or self.shift.giving_way()

    @property
    def rollouts(self) -> Rollouts:
        return self.execution.rollouts


def execute(world: World, execution: Execution, shift: Shift) -> Run:
    """Runs the plan and answers the run as stored. What goes wrong on hosts is in its outcomes.

    Raises LeaseOver when another process may soon begin; hosts that are in doubt then are recovered by that one.
    """
    running = _begin(world, execution, shift)
    run = running.ledger.run
    try:
        for step in execution.plan.steps:
            _run_step(step, running)
        _settle(running)
        running.ledger.flush()
        shift.undo(run, running.rollouts)
    finally:
        running.ledger.flush()
        if not shift.held.over():  # else it is for whoever comes next to end it
            status = _status(running)
            world.store.end_run(run, status, world.clock.now())
    if shift.held.over():
        raise LeaseOver
    world.tell(RunFinished(run.id, status))
    return world.store.run(run.id) or run


def _begin(world: World, execution: Execution, shift: Shift) -> _Running:
    plan = execution.plan
    run = world.store.begin_run(plan, execution.actor, world.clock.now(), shift.held.epoch, execution.undoes)
    hosts = _concerned(execution)
    opened = Opened(world.secrets(), execution.desired.secrets)
    observations = dict(world.store.observations(hosts))
    ledger = Ledger(
        world=world,
        run=run,
        scribe=Scribe(execution.desired, world.registry, Stamp(plan.revision, run.id, run.started_at)),
        observations=observations,
        ownership=dict(world.store.ownership(hosts)),
        interned=Interned.of(observations.values()),
        secrets=opened,
    )
    world.tell(RunStarted(run.id, plan.digest, len(plan.steps), plan.summary.hosts))
    payloads = Payloads(world.registry, Questions(world.registry), Fill(world.registry, opened.value))
    return _Running(world, execution, ledger, shift, payloads)


def _concerned(execution: Execution) -> set[str]:
    """Hosts whose records may change: those of the plan, and those on which something is adopted or let go."""
    hosts = {host for step in execution.plan.steps for host in step.hosts}
    hosts |= {host for release in execution.assessment.releases for host in release.hosts}
    for verdict, members in execution.assessment.verdicts:
        if verdict.equal or verdict.released:
            hosts.update(members)
    return hosts


def _run_step(step: Step, running: _Running) -> None:
    rollouts = running.rollouts
    admission = rollouts.admit(step)
    _skipped(running, step, "skipped", admission.skip)
    if why := _hindered(step, running) or (OVERTAKEN if running.shift.giving_way() else ""):
        _skipped(running, step, "skipped", dict.fromkeys(admission.go, why))
        rollouts.note_halted(step)
        return
    if admission.go or not rollouts.begun(step):
        _visit(step, admission.go, running)
    if admission.go or not rollouts.passed(step):
        unhealthy = rollouts.finish(step, running.resting)
        running.ledger.skip(step, "unhealthy", unhealthy)
        running.ledger.flush()


def _visit(step: Step, hosts: Sequence[str], running: _Running) -> None:
    running.world.tell(StepStarted(step.id, step.service, len(hosts)))
    for wave in running.rollouts.waves(step, hosts):
        _run_wave(step, frozenset(wave), running)
    running.ledger.flush()
    running.world.tell(StepFinished(step.id, step.service))


def _take(delivered: Delivered, running: _Running) -> None:
    counted = running.ledger.take(delivered)
    running.rollouts.note(delivered.step, counted.status, {counted.host: counted.reason})
    running.world.tell(HostFinished(delivered.step.id, counted))


def _hindered(step: Step, running: _Running) -> str:
    """Why no further host of a step is begun; empty: they are."""
    return STOPPED if running.stopping() else running.rollouts.stopped(step)


def _run_wave(step: Step, hosts: frozenset[str], running: _Running) -> None:
    programs, deliveries = _deliveries(step, hosts, running)
    if deliveries:
        running.world.store.intend(running.ledger.run, step.id, tuple(deliveries))

    def hearing(host: str, outcomes: Sequence[Outcome]) -> None:
        running.world.tell(HostWorking(step.id, host, tuple(outcomes)))

    def stopping() -> bool:
        return bool(_hindered(step, running))

    for reply in running.world.carrier.carry(list(deliveries.values()), stopping, hearing):
        if reply.status == "skipped":
            _skipped(running, step, "skipped", {reply.host: _hindered(step, running) or STOPPED})
            continue
        _take(Delivered(step, programs[reply.host], deliveries[reply.host].payload, reply), running)


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
            match made:
                case Payload():
                    programs[host] = program
                    deliveries[host] = _delivery(host, made, running)
                case Withheld():
                    _take(Delivered(step, program, Payload(), _withheld(host, program, made)), running)
                case reason:
                    stale[host] = reason
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


def _withheld(host: str, program: Program, withheld: Withheld) -> Reply:
    """For a host that is not begun, since its program needs a secret that can't be had."""
    outcomes = [
        Outcome(change.key, "failed", withheld.reason) if change.key == withheld.key else Outcome(change.key, "skipped")
        for change in program.changes
    ]
    return Reply(host, "failed", f"{withheld.key}: {withheld.reason}", outcomes=tuple(outcomes))


def _skipped(running: _Running, step: Step, status: Status, reasons: Mapping[str, str]) -> None:
    running.ledger.skip(step, status, reasons)
    running.rollouts.note(step, status, reasons)


def _settle(running: _Running) -> None:
    """Records what needed no doing: things found as asked for are adopted, things let go are forgotten."""
    ledger = running.ledger
    for host, records in settled(running.execution.assessment, ledger.scribe, ledger.ownership).items():
        ledger.own(host, records)


def _status(running: _Running) -> RunStatus:
    results = running.rollouts.results
    planned = {(step.id, host) for step in running.execution.plan.steps for host in step.hosts}
    if running.rollouts.halted:
        return "halted"
    if running.resting() and any(results.get(key, "skipped") == "skipped" for key in planned):
        return "stopped"
    return "succeeded" if all(results.get(key) == "done" for key in planned) else "failed"
