"""What is to be done now: the daemon's only rules, as one pure function of what is known and what time it is.

Level-triggered: it looks at how things are, never at what happened, so a tick may be lost or come twice. Every wait
says for what, and until when. Must not know threads, ports, or who is asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from reconciler.core.assessing.differ import Differing
from reconciler.core.assessing.permit import Permitted
from reconciler.core.gate.timetable import Timetable
from reconciler.core.serving.backoff import Backoff
from reconciler.model.attempt import Attempt

RETRY = Backoff()
"""Between attempts at the same thing: 2 s, 6 s, 18 s … at most 300 s, as Argo CD heals."""
CALM = timedelta(minutes=10)
"""What was in order for so long begins anew: it is tried at once."""
PATIENCE = timedelta(seconds=30)
"""What is new waits so long for hosts whose turn it is, then it is worked out with what is known."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Look at Git."""

    why: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Take over runs whose process died."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Ask these hosts."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Work out what differs."""


@dataclass(frozen=True, slots=True)
class Tidy:
    """Forget old runs, and values that nothing refers to any more, if nobody has done so today."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Bring these services into order, as far as their causes permit it."""

    only: Permitted

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(sorted(self.only))


@dataclass(frozen=True, slots=True)
class Approved:
    """Run a plan that a limit refused and that somebody approved, for these services."""

    plan: str
    services: tuple[str, ...]


Duty: TypeAlias = Poll | Recover | Observe | Plan | Tidy | Apply | Approved


@dataclass(frozen=True, slots=True)
class Waiting:
    """A service that is not as Git says and is left so for now. `until` None: until somebody acts."""

    service: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the agenda rests on. `hosts` are those whose turn it is; `stale`: something is new since what
    differs was worked out at `planned_at`; `applying`: an apply is under way; `asking`: hosts are being asked, and no
    others can be. `recover_at` is when to look after runs
    without an end (None: there is none), `tidy_at` after what is old (None: never), `approved` are digests of refused
    plans that may run after all."""

    now: datetime
    revision: str
    poll_at: datetime
    planned_at: datetime
    hinted: bool = False
    hosts: tuple[str, ...] = ()
    hosts_at: datetime | None = None
    stale: bool = False
    applying: bool = False
    asking: bool = False
    recover_at: datetime | None = None
    tidy_at: datetime | None = None
    approved: frozenset[str] = frozenset()
    differing: Mapping[str, Differing] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    timetable: Timetable = field(default_factory=Timetable)


@dataclass(frozen=True, slots=True)
class Agenda:
    """What to do now, in this order; what waits, and why; when to look again at the latest (None: when woken)."""

    duties: tuple[Duty, ...]
    waiting: tuple[Waiting, ...] = ()
    again: datetime | None = None


def agenda(situation: Situation) -> Agenda:
    """What is to be done now: one thing, after which everything is looked at again."""
    if situation.hinted or situation.now >= situation.poll_at:
        return Agenda((Poll("a hint" if situation.hinted else "it is time"),), (), situation.now)
    if not situation.revision:
        return Agenda((), (), situation.poll_at)
    if situation.applying:
        return _meanwhile(situation)
    if situation.recover_at is not None and situation.now >= situation.recover_at:
        return Agenda((Recover(),), (), situation.now)
    impatient = situation.now - situation.planned_at >= PATIENCE
    if situation.stale and (impatient or not (situation.hosts or situation.asking)):
        return Agenda((Plan(),), (), situation.now)
    only, waiting = ({}, ()) if situation.stale else _permitted(situation)
    if duty := _changing(situation, only) or _otherwise(situation):
        return Agenda((duty,), waiting, situation.now)
    moments = [w.until for w in waiting] + [situation.poll_at, situation.recover_at]
    moments += [None if situation.asking else situation.hosts_at, situation.timetable.next_change(situation.now)]
    moments.append(situation.planned_at + PATIENCE if situation.stale else None)
    return Agenda((), waiting, min((at for at in moments if at is not None), default=None))


def _otherwise(situation: Situation) -> Duty | None:
    """What has time while hosts need no changing. Asking comes last: of a large fleet there is always a host whose turn
    it is."""
    if situation.asking:
        return None
    if situation.tidy_at is not None and situation.now >= situation.tidy_at:
        return Tidy()
    return Observe(situation.hosts) if situation.hosts else None


def _meanwhile(situation: Situation) -> Agenda:
    """While an apply is under way others are asked, but nothing is worked out from what it has half done."""
    if situation.hosts and not situation.asking:
        return Agenda((Observe(situation.hosts),), (), situation.now)
    moments = [situation.poll_at, None if situation.asking else situation.hosts_at]
    return Agenda((), (), min(at for at in moments if at is not None))


def _changing(situation: Situation, only: Permitted) -> Duty | None:
    """What changes hosts now, if anything may."""
    plans: dict[str, list[str]] = {}
    for name in only:
        attempt = situation.attempts.get(name)
        if attempt and attempt.plan in situation.approved:
            plans.setdefault(attempt.plan, []).append(name)
    for plan, services in sorted(plans.items()):
        return Approved(plan, tuple(sorted(services)))
    return Apply(only) if only else None


def _permitted(situation: Situation) -> tuple[Permitted, tuple[Waiting, ...]]:
    """The services that may be brought into order now, and why the others may not."""
    waiting: dict[str, Waiting] = {}
    only = {name: d.permitted for name, d in situation.differing.items() if d.permitted}
    for name in list(only):
        if wait := _wait(situation, name):
            waiting[name] = wait
            del only[name]
    while held := {name: root for name in only if (root := _held_by(situation, name, only))}:
        for name, root in held.items():
            del only[name]
            waiting[name] = Waiting(name, f"requires {root}, which has pending changes that wait")
    for name, differing in situation.differing.items():
        if name not in only and name not in waiting and (differing.pending or differing.drift):
            waiting[name] = Waiting(name, _by_hand(differing))
    return only, tuple(waiting[name] for name in sorted(waiting))


def _wait(situation: Situation, name: str) -> Waiting | None:
    """Why the service's turn has not come, though its modes let it."""
    differing, now = situation.differing[name], situation.now
    if situation.recover_at is not None:
        return Waiting(name, "another apply is under way", situation.recover_at)
    if closed := situation.timetable.closed(name, differing.project, now):
        return Waiting(name, closed.reason, closed.until)
    attempt = situation.attempts.get(name)
    if attempt and attempt.plan not in situation.approved and _early(attempt, situation):
        how = "was not enough" if attempt.ok else attempt.why or "failed"
        return Waiting(name, f"attempt {attempt.tries} at this: {how}", attempt.not_before)
    return None


def _early(attempt: Attempt, situation: Situation) -> bool:
    """An attempt in the future says nothing of how long to wait: a clock was set back since."""
    due, now = situation.differing[attempt.service].due, situation.now
    return not fresh(attempt, situation.revision, due, now) and attempt.at <= now < attempt.not_before


def _held_by(situation: Situation, name: str, only: Permitted) -> str:
    """A service that this one requires and that will not be brought to what Git says of it now."""
    for required in situation.differing[name].requires:
        needed = situation.differing.get(required)
        if needed and needed.pending and "pending" not in only.get(required, ()):
            return required
    return ""


def _by_hand(differing: Differing) -> str:
    if differing.pending:
        return "pending changes wait for `reconciler apply` (sync: manual)"
    return f"drift is reported only (heal: {differing.heal})"


def fresh(attempt: Attempt, revision: str, due: str, now: datetime) -> bool:
    """Whether what is due is a new thing, that an earlier attempt says nothing about.

    After a failure only another revision is: what is due changes with each host that went through.
    """
    if attempt.revision != revision:
        return True
    return attempt.ok and (attempt.due != due or now - attempt.at > CALM)


def attempted(before: Attempt | None, differing: Differing, revision: str, now: datetime, chance: float) -> Attempt:
    """The record of an attempt that begins now; it counts as failed until it is known to have gone through."""
    again = before is not None and not fresh(before, revision, differing.due, now)
    tries = before.tries + 1 if before and again else 1
    wait = RETRY.after(tries, chance)
    return Attempt(differing.service, revision, differing.due, tries, now, now + wait, ok=False)
