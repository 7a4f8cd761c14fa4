"""An apply of the daemon's own, beside its loop: begun when the gate lets it, stopped at a safe point when it should.

Knows attempts and refusals; what may be applied was decided before (`core.agenda`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.core.agenda import attempted
from reconciler.core.differ import Differing
from reconciler.core.gate import Allowance, Refusal
from reconciler.core.permit import Permitted
from reconciler.core.plan import Scope
from reconciler.core.timetable import Timetable
from reconciler.loop.desire import Read
from reconciler.loop.observe import Freshness
from reconciler.loop.orders import braked
from reconciler.loop.reconcile import Planned, Request, apply, planned, refusals
from reconciler.loop.world import World
from reconciler.model.attempt import Attempt
from reconciler.model.desired import Desired
from reconciler.model.errors import ReconcilerError
from reconciler.model.event import Applied, Refused
from reconciler.model.run import Run

ACTOR = "reconciler@serve"


@dataclass(slots=True)
class _UnderWay:
    """`stopped` says why it is to stop; `run` and `failure` how it ended."""

    planned: Planned
    services: tuple[str, ...]
    since: datetime
    stopped: str = ""
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
    """What came of it: hosts that were changed, and of these that did not go through."""

    changed: frozenset[str]
    failed: frozenset[str]


@dataclass(slots=True)
class Aside:
    """`runner` runs a function, now or in another thread. `attempts` are the last at each service."""

    world: World
    runner: Callable[[Callable[[], None]], None]
    chance: Callable[[], float]
    attempts: dict[str, Attempt] = field(default_factory=dict)
    _under_way: _UnderWay | None = None

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

    def begin(self, only: Permitted, differing: Mapping[str, Differing], read: Read) -> bool:
        """Plans for these services, asks the gate, and begins; whether there was something to do. What is refused
        counts as an attempt that failed."""
        what, made = _What(differing, read.revision.sha), self._planned(only, read)
        if refused := refusals(self.world, made, Allowance()):
            said = self._tell_refused(refused, made)
            rest, less = self._without_deletes(only, made, read)
            self._note(only.keys() - rest.keys(), what, said)
            only, made = rest, less
        why = "" if made.plan.steps else "all of it waits for a change that may not be made by itself"
        self._note(only, what, why or "it did not come to its end")
        if made.plan.steps and only:
            services = tuple(dict.fromkeys(step.service for step in made.plan.steps))
            under_way = self._under_way = _UnderWay(made, services, self.world.clock.now())
            self.runner(lambda: self._run(under_way))
        return bool(made.plan.steps)

    def watch(self, desired: Desired, timetable: Timetable) -> None:
        """Has it stop if Git asks for something else on its hosts by now, or if its services may not be changed."""
        if self._under_way is None or self._under_way.over:
            return
        before = self._under_way.planned.read.desired
        hosts = {host for step in self._under_way.planned.plan.steps for host in step.hosts}
        if any(before.asked.get(host) != desired.asked.get(host) for host in hosts):
            self.stop(f"revision {desired.revision[:7]} came")
        for name in self._under_way.services:
            was, service = before.services.get(name), desired.services.get(name)
            if was and service and (was.sync, was.heal) != (service.sync, service.heal):
                self.stop(f"revision {desired.revision[:7]} says when {name} may be changed")
            if closed := timetable.closed(name, service.project if service else "", self.world.clock.now()):
                self.stop(closed.reason)

    def stop(self, why: str) -> None:
        """At the next safe point: no host is begun any more, those that were are finished."""
        if self._under_way is not None and not self._under_way.stopped:
            self._under_way.stopped = why

    def take(self) -> Done | None:
        """What came of an apply that is over, once it is kept. Raises what it was no port's business to raise."""
        done = self._under_way
        if done is None or not done.over:
            return None
        if done.run is None and not isinstance(done.failure, ReconcilerError):
            assert done.failure is not None
            raise done.failure
        failed = failed_services(done.run) if done.run else frozenset(done.services)
        message = done.failure.message if isinstance(done.failure, ReconcilerError) else done.stopped
        self._judge(done, failed, message or (f"failed in run {done.run.id}" if done.run else ""))
        self._under_way = None
        seconds = (self.world.clock.now() - done.since).total_seconds()
        run, status = (done.run.id, done.run.status) if done.run else (0, "failed")
        self.world.tell(Applied(run, status, done.services, seconds, message))
        return _done(done.run) if done.run else Done(frozenset(), frozenset())

    def _planned(self, only: Permitted, read: Read) -> Planned:
        request = Request(freshness=Freshness(None), scope=Scope(permit=only))
        return planned(self.world, read, request, noting=False)

    def _run(self, under_way: _UnderWay) -> None:
        """In whatever thread: touches nothing but what is under way."""
        try:
            under_way.run = apply(self.world, under_way.planned, ACTOR, lambda: self._stopping(under_way))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is taken in
            under_way.failure = error
        under_way.over = True

    def _stopping(self, under_way: _UnderWay) -> bool:
        if not under_way.stopped and (brake := braked(self.world)):
            under_way.stopped = f"paused by {brake.who}: {brake.why}"
        return bool(under_way.stopped)

    def _tell_refused(self, refused: list[Refusal], made: Planned) -> str:
        services = tuple(dict.fromkeys(step.service for step in made.plan.steps))
        messages = tuple(refusal.message for refusal in refused)
        self.world.tell(Refused(tuple(dict.fromkeys(refusal.limit for refusal in refused)), services, messages))
        return "refused: " + "; ".join(messages)

    def _without_deletes(self, only: Permitted, made: Planned, read: Read) -> tuple[Permitted, Planned]:
        """What is left of a refused plan: services of which nothing is deleted need not wait for a word about deletes.

        It is never the deletes that are split up: each part would be within a limit that the whole is not.
        """
        rest = {name: causes for name, causes in only.items() if name not in _deleting(made)}
        less = self._planned(rest, read)
        return ({}, less) if refusals(self.world, less, Allowance()) else (rest, less)

    def _note(self, services: Iterable[str], what: _What, why: str) -> None:
        """An attempt at each counts as failed until it is known to have gone through: a crash is no success."""
        now = self.world.clock.now()
        self._keep(
            [
                replace(attempted(self.attempts.get(s), what.differing[s], what.revision, now, self.chance()), why=why)
                for s in sorted(services)
            ]
        )

    def _judge(self, done: _UnderWay, failed: frozenset[str], why: str) -> None:
        """What was stopped is no failure of the services: it goes on as soon as it may."""
        now = self.world.clock.now()
        judged = [self.attempts[name] for name in done.services if name in self.attempts]
        new = [replace(a, ok=a.service not in failed, why=why if a.service in failed else "") for a in judged]
        if done.stopped:
            new = [replace(a, not_before=now, tries=max(0, a.tries - 1)) for a in new]
        self._keep(new)

    def _keep(self, attempts: list[Attempt]) -> None:
        self.world.store.save_attempts(attempts)
        self.attempts.update((attempt.service, attempt) for attempt in attempts)


def failed_services(run: Run) -> frozenset[str]:
    """Services that did not go through everywhere in a run."""
    missed = {outcome.service for outcome in run.host_outcomes if outcome.status != "done"}
    return frozenset(missed | {o.service for o in run.outcomes if o.result not in ("changed", "ok")})


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
