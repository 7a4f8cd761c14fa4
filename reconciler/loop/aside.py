"""An apply of the daemon's own, beside its loop: begun when the gate lets it, stopped at a safe point when it should.

Knows attempts and refusals; what may be applied was decided before (`core.agenda`). What runs beside the loop reads Git
with hands of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.core.assessing.differ import Differing
from reconciler.core.assessing.permit import Permitted
from reconciler.core.gate import Allowance, Refusal
from reconciler.core.gate.timetable import Timetable
from reconciler.core.planning.plan import Scope
from reconciler.core.planning.plan_json import read_plan
from reconciler.core.running.recovery import unfinished
from reconciler.core.serving.agenda import attempted
from reconciler.loop.desire import Read
from reconciler.loop.grounds import RECENT
from reconciler.loop.observe import Freshness
from reconciler.loop.orders import braked
from reconciler.loop.reconcile import (
    Planned,
    Request,
    apply,
    going_on,
    keep,
    planned,
    refusals,
    saved,
    settle_interrupted,
)
from reconciler.loop.world import Memory, Reading, World
from reconciler.model.attempt import APPROVE, FAILED, REFUSED, Attempt
from reconciler.model.desired import Desired
from reconciler.model.errors import ReconcilerError, Stalled, Taken
from reconciler.model.event import Applied, Refused, Troubled
from reconciler.model.run import Run

ACTOR = "reconciler@serve"
LEFT = ("stopped", "interrupted")
"""How a run ended that can be gone on with."""
UNFINISHED = "it did not come to its end"


@dataclass(slots=True)
class _UnderWay:
    """`planned` None: runs that died are taken over. `stopped` says why it is to stop, `overtaken` what is to take its
    place, `run` and `failure` how it ended."""

    planned: Planned | None
    services: tuple[str, ...]
    hosts: frozenset[str]
    since: datetime
    stopped: str = ""
    overtaken: str = ""
    run: Run | None = None
    failure: BaseException | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class _What:
    """What attempts are at: what differs at a revision."""

    differing: Mapping[str, Differing]
    revision: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: hosts that were changed, and of these that did not go through. `again`: runs that died could not
    be taken over yet."""

    changed: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    again: bool = False


@dataclass(slots=True)
class Aside:
    """`runner` runs a function, now or in another thread, and `apart` makes what that thread reads Git with. `attempts`
    are the last at each service."""

    world: World
    runner: Callable[[Callable[[], None]], None]
    apart: Callable[[], Reading]
    chance: Callable[[], float]
    attempts: dict[str, Attempt] = field(default_factory=dict)
    _under_way: _UnderWay | None = None
    _reading: Reading | None = None

    @property
    def busy(self) -> bool:
        """Whether an apply is under way, or is over and was not taken in yet."""
        return self._under_way is not None

    @property
    def over(self) -> bool:
        """Whether there is something to take in."""
        return self._under_way is not None and self._under_way.over

    @property
    def services(self) -> tuple[str, ...]:
        return self._under_way.services if self._under_way else ()

    @property
    def hosts(self) -> frozenset[str]:
        """Those that an apply which is under way is to change."""
        return self._under_way.hosts if self._under_way else frozenset()

    def begin(self, only: Permitted, differing: Mapping[str, Differing], read: Read) -> bool:
        """Plans for these services, asks the gate, and begins; whether there was something to do. What is refused
        counts as an attempt that failed."""
        what, made = _What(differing, read.revision.sha), self._left_over(only, read) or self._planned(only, read)
        if refused := refusals(self.world, made, Allowance()):
            rest, less = self._without_deletes(only, made, read)
            held = {name: causes for name, causes in only.items() if name not in rest}
            self._refuse(held, what, self._planned(held, read) if rest else made, refused)
            only, made = rest, less
        why = "" if made.plan.steps else "all of it waits for a change that may not be made by itself"
        self._note(only, what, why or UNFINISHED)
        if made.plan.steps and only:
            self._begin(made)
        return bool(made.plan.steps)

    def approved(self, digest: str, differing: Mapping[str, Differing], read: Read) -> None:
        """Begins a plan that was refused and that somebody approved since: exactly that one."""
        services = [name for name, attempt in self.attempts.items() if attempt.plan == digest and name in differing]
        what = _What(differing, read.revision.sha)
        try:
            made = saved(self.world, read_plan(self.world.store.plan(digest) or b""), read.revision.sha)
            refused = refusals(self.world, made, Allowance())
        except Stalled as error:
            self._note(services, what, error.message)
            return
        if refused:
            self._refuse(dict.fromkeys(services, frozenset()), what, made, refused)
            return
        self._note(services, what, UNFINISHED)
        self._begin(made)

    def recover(self) -> None:
        """Takes over runs whose process died; their hosts are asked what became of them."""
        under_way = self._under_way = _UnderWay(None, (), frozenset(), self.world.clock.now())
        self.runner(lambda: self._run(under_way))

    def watch(self, desired: Desired, timetable: Timetable) -> None:
        """Has it give way if Git asks for something else on its hosts by now, and stop if its services may not be
        changed."""
        if self._under_way is None or self._under_way.over or self._under_way.planned is None:
            return
        before = self._under_way.planned.read.desired
        if any(before.asked.get(host) != desired.asked.get(host) for host in self._under_way.hosts):
            self.give_way(f"revision {desired.revision[:7]} came")
        for name in self._under_way.services:
            was, service = before.services.get(name), desired.services.get(name)
            if was and service and (was.sync, was.heal) != (service.sync, service.heal):
                self.stop(f"revision {desired.revision[:7]} says when {name} may be changed")
            # Somebody's word that it is to be somewhere else counts at once, as a pause does.
            if (pin := desired.pins.get(name)) and pin != before.pins.get(name):
                self.stop(f"{name} is pinned to another revision")
            if closed := timetable.closed(name, service.project if service else "", self.world.clock.now()):
                self.stop(closed.reason)

    def give_way(self, why: str) -> None:
        """Between steps: the batch that is under way is finished first, so that none is left half as it was."""
        if self._under_way is not None and not self._under_way.overtaken:
            self._under_way.overtaken = why

    def stop(self, why: str) -> None:
        """Between hosts: none is begun any more, those that were are finished."""
        if self._under_way is not None and not self._under_way.stopped:
            self._under_way.stopped = why

    def take(self) -> Done | None:
        """What came of an apply that is over, once it is kept. Raises what it was no port's business to raise."""
        done = self._under_way
        if done is None or not done.over:
            return None
        if done.failure is not None and not isinstance(done.failure, ReconcilerError):
            raise done.failure
        if done.planned is None:
            return self._recovered(done.failure)
        failed = failed_services(done.run) | _failed_before(done.planned) if done.run else frozenset(done.services)
        message = done.failure.message if isinstance(done.failure, ReconcilerError) else done.stopped or done.overtaken
        self._judge(done, failed, _why(done))
        self._under_way = None
        seconds = (self.world.clock.now() - done.since).total_seconds()
        run, status = (done.run.id, done.run.status) if done.run else (0, "failed")
        self.world.tell(Applied(run, status, done.services, seconds, message))
        return _done(done.run) if done.run else Done()

    def _recovered(self, failure: ReconcilerError | None) -> Done:
        self._under_way = None
        if failure is not None and not isinstance(failure, Taken):
            self.world.tell(Troubled("an interrupted run", failure.message))
        return Done(again=failure is not None)

    def _begin(self, made: Planned) -> None:
        services = tuple(dict.fromkeys(step.service for step in made.plan.steps))
        hosts = frozenset(host for step in made.plan.steps for host in step.hosts)
        under_way = self._under_way = _UnderWay(made, services, hosts, self.world.clock.now())
        self.runner(lambda: self._run(under_way))

    def _left_over(self, only: Permitted, read: Read) -> Planned | None:
        """The plan of our last run, if that was stopped or died, and all of it is still asked for and permitted: its
        batches go on where they were, and so does its budget."""
        last = next((run for run in self.world.store.runs(RECENT) if run.undoes is None), None)
        if last is None or last.status not in LEFT or last.actor != ACTOR or last.revision != read.revision.sha:
            return None
        with suppress(Stalled):  # one that an older version wrote
            made = going_on(self.world, read_plan(self.world.store.plan(last.plan) or b""), read)
            if {step.service for step in made.plan.steps} <= only.keys() and unfinished(made.plan, made.earlier):
                return made
        return None

    def _planned(self, only: Permitted, read: Read) -> Planned:
        request = Request(freshness=Freshness(None), scope=Scope(permit=only))
        return planned(self.world, read, request, noting=False)

    def _run(self, under_way: _UnderWay) -> None:
        """In whatever thread: touches nothing but what is under way, and what is only for that thread."""
        try:
            self._reading = self._reading or self.apart()
            world = replace(self.world, reading=self._reading, memory=Memory())
            if under_way.planned is None:
                settle_interrupted(world, lambda: self._stopping(under_way))
            else:
                stopping, giving_way = lambda: self._stopping(under_way), lambda: bool(under_way.overtaken)
                under_way.run = apply(world, under_way.planned, ACTOR, stopping, giving_way)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is taken in
            under_way.failure = error
        under_way.over = True

    def _stopping(self, under_way: _UnderWay) -> bool:
        # A pause keeps nobody from asking hosts, which is all that taking over a run does to them.
        if not under_way.stopped and under_way.planned and (brake := braked(self.world)):
            under_way.stopped = f"paused by {brake.who}: {brake.why}"
        return bool(under_way.stopped)

    def _refuse(self, held: Permitted, what: _What, made: Planned, refused: list[Refusal]) -> None:
        """Keeps the plan, so that it can be approved; the same thing keeps the plan that people have seen already."""
        services = tuple(sorted(held))
        messages = tuple(refusal.message for refusal in refused)
        self.world.tell(Refused(tuple(dict.fromkeys(refusal.limit for refusal in refused)), services, messages))
        digest = self._kept(services, what)
        if not digest and made.plan.steps:
            keep(self.world, made)
            digest = made.plan.digest
        word = f"{APPROVE}reconciler approve {digest[:8]} --reason WHY" if digest else ""
        self._note(services, what, REFUSED + "; ".join(messages) + word, digest)

    def _kept(self, services: tuple[str, ...], what: _What) -> str:
        """The digest of the plan that was kept for all of these when the same was due."""
        kept: set[str] = set()
        for name in services:
            before, now = self.attempts.get(name), (what.revision, what.differing[name].due)
            kept.add(before.plan if before and (before.revision, before.due) == now else "")
        return kept.pop() if len(kept) == 1 else ""

    def _without_deletes(self, only: Permitted, made: Planned, read: Read) -> tuple[Permitted, Planned]:
        """What is left of a refused plan: services of which nothing is deleted need not wait for a word about deletes.

        It is never the deletes that are split up: each part would be within a limit that the whole is not.
        """
        rest = {name: causes for name, causes in only.items() if name not in _deleting(made)}
        less = self._planned(rest, read)
        return ({}, less) if refusals(self.world, less, Allowance()) else (rest, less)

    def _note(self, services: Iterable[str], what: _What, why: str, plan: str = "") -> None:
        """An attempt at each counts as failed until it is known to have gone through: a crash is no success."""
        now, made = self.world.clock.now(), list[Attempt]()
        for name in sorted(services):
            attempt = attempted(self.attempts.get(name), what.differing[name], what.revision, now, self.chance())
            made.append(replace(attempt, why=why, plan=plan))
        self._keep(made)

    def _judge(self, done: _UnderWay, failed: frozenset[str], why: str) -> None:
        """What was stopped is no failure of the services: it goes on as soon as it may."""
        now = self.world.clock.now()
        judged = [self.attempts[name] for name in done.services if name in self.attempts]
        new = [replace(a, ok=a.service not in failed, why=why if a.service in failed else "", plan="") for a in judged]
        if done.stopped or done.overtaken:
            new = [replace(a, not_before=now, tries=max(0, a.tries - 1)) for a in new]
        self._keep(new)

    def _keep(self, attempts: list[Attempt]) -> None:
        self.world.store.save_attempts(attempts)
        self.attempts.update((attempt.service, attempt) for attempt in attempts)


def failed_services(run: Run) -> frozenset[str]:
    """Services that did not go through everywhere in a run."""
    missed = {outcome.service for outcome in run.host_outcomes if outcome.status != "done"}
    return frozenset(missed | {o.service for o in run.outcomes if o.result not in ("changed", "ok")})


def _failed_before(planned: Planned) -> frozenset[str]:
    """Services that did not go through everywhere in runs that this plan goes on after."""
    missed = {step for (step, _), fate in planned.earlier.items() if fate != "done"}
    return frozenset(step.service for step in planned.plan.steps if step.id in missed)


def _why(done: _UnderWay) -> str:
    """What became of services that did not go through."""
    if isinstance(done.failure, ReconcilerError):
        return f"{FAILED}: {done.failure.message}"
    return done.stopped or done.overtaken or (f"{FAILED} in run {done.run.id}" if done.run else FAILED)


def _done(run: Run) -> Done:
    changed = {host for outcome in run.outcomes for host in outcome.hosts}
    failed = {host for o in run.outcomes if o.result not in ("changed", "ok") for host in o.hosts}
    failed |= {host for o in run.host_outcomes if o.status not in ("done", "skipped") for host in o.hosts}
    return Done(frozenset(changed | failed), frozenset(failed))


def _deleting(made: Planned) -> frozenset[str]:
    """Services of which something would be deleted."""
    plan = made.plan
    return frozenset(
        step.service
        for step in plan.steps
        if any(change.action == "delete" for program in step.programs for change in plan.programs[program].changes)
    )
