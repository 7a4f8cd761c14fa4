"""What is worth telling: from how things are now and what was told before, to new notices.

Level-triggered, as the agenda is: it looks at how things are, so that a crash or a lost event loses no notice, and the
same thing is told once. Must not know channels, nor that there is a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.core.assessing.differ import Differing
from reconciler.core.words import printable
from reconciler.model.attempt import APPROVE, FAILED, REFUSED, Attempt
from reconciler.model.desired import Service
from reconciler.model.digest import digest
from reconciler.model.notice import Notice, NoticeKind, Told, Topic

AGAIN = timedelta(minutes=15)
"""The same thing of a service is not told more often; what goes to and fro is told less often than it happens."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are at a revision, after what differs was worked out: the services of Git, those that differ, those
    that were halted, the last attempts; services that an apply is at work on; and what was heard of a service, in
    words, which may be missing."""

    revision: str
    services: Mapping[str, Service] = field(default_factory=dict)
    differing: Mapping[str, Differing] = field(default_factory=dict)
    halted: frozenset[str] = frozenset()
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    applying: frozenset[str] = frozenset()
    heard: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that is so of one service, and that somebody should hear of."""

    kind: NoticeKind
    service: str
    revision: str = ""
    plan: str = ""
    resources: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """New notices, and what is to be remembered with them."""

    notices: tuple[Notice, ...] = ()
    told: tuple[Told, ...] = ()


def decide(standing: Standing, before: Mapping[Topic, Told], at: datetime, store: str) -> Decision:
    """What is to be told now. `store` names the store, so that no two of them give the same id to a notice."""
    found = {(matter.kind, matter.service): matter for matter in matters(standing)}
    new = [matter for topic, matter in found.items() if _is_new(matter, before.get(topic), at)]
    told = {(m.kind, m.service): _told(m, before.get((m.kind, m.service)), at) for m in new}
    over = [t for topic, t in before.items() if t.open and topic not in found and _is_over(t, standing)]
    healed = [
        Matter("healed", told.service, reason=standing.heard.get(told.service, ""))
        for told in over
        if told.kind == "drift-found" and told.service in standing.services
    ]
    times = {(m.kind, m.service): told[m.kind, m.service].times for m in new}
    times |= {("healed", t.service): t.times for t in over}
    notices = _grouped([*new, *healed], times, standing, (at, store))
    return Decision(tuple(notices), (*told.values(), *(replace(t, open=False) for t in over)))


def matters(standing: Standing) -> Iterator[Matter]:
    """Everything that is so now and that somebody should hear of."""
    for name, differing in standing.differing.items():
        if differing.drift:
            yield Matter("drift-found", name, resources=differing.drift)
    for name in sorted(standing.halted):
        why = standing.heard.get(name, "")
        yield Matter("rollout-stopped", name, standing.revision, reason=why)
    for name, attempt in sorted(standing.attempts.items()):
        if not attempt.ok and attempt.revision == standing.revision and _is_due(name, standing):
            yield from _failed(attempt, standing)


def _failed(attempt: Attempt, standing: Standing) -> Iterator[Matter]:
    """What an attempt that did not go through means to people. Where something was halted, that is told already."""
    name, revision, plan = attempt.service, attempt.revision, attempt.plan
    if name in standing.halted:
        return
    if plan or attempt.why.startswith(REFUSED):
        reason = attempt.why.removeprefix(REFUSED).partition(APPROVE)[0]
        yield Matter("gate-refused", name, revision, plan, reason=reason)
        if plan:
            yield Matter("approval-needed", name, revision, plan, reason=reason)
    elif attempt.why.startswith(FAILED):
        yield Matter("run-failed", name, revision, reason=attempt.why)


def _is_due(name: str, standing: Standing) -> bool:
    """Whether there still is something to do of the service, and nobody is at it."""
    differing = standing.differing.get(name)
    return differing is not None and bool(differing.pending or differing.drift) and name not in standing.applying


def _is_new(matter: Matter, before: Told | None, at: datetime) -> bool:
    if before is None or before.revision != matter.revision:
        return True
    if before.open and before.plan == matter.plan:
        return False
    # A clock that was set back must not make anybody wait for the future.
    return not timedelta(0) <= at - before.at < AGAIN


def _is_over(told: Told, standing: Standing) -> bool:
    """Drift of which nothing is known any more (its host does not answer) is not over. While an apply is at work on a
    service, nobody can say how it ends."""
    if told.service in standing.applying:
        return False
    differing = standing.differing.get(told.service)
    return not (told.kind == "drift-found" and differing is not None and differing.unknown)


def _told(matter: Matter, before: Told | None, at: datetime) -> Told:
    times = before.times + 1 if before else 1
    return Told(matter.kind, matter.service, matter.revision, matter.plan, times, at, open=True)


def _grouped(
    found: Iterable[Matter], times: Mapping[Topic, int], standing: Standing, made: tuple[datetime, str]
) -> Iterator[Notice]:
    """One notice for all services of which the same is so, for one owner: what hits many services is told once."""
    groups: dict[tuple[str, ...], list[Matter]] = {}
    for matter in found:
        service = standing.services.get(matter.service)
        whose = (service.project, service.owner) if service else ("", "")
        groups.setdefault((*whose, matter.kind, matter.revision, matter.plan, matter.reason), []).append(matter)
    at, store = made
    for (project, owner, *_), same in sorted(groups.items()):
        first, names = same[0], tuple(sorted(matter.service for matter in same))
        yield Notice(
            id=digest([store, first.kind, [[name, times[first.kind, name]] for name in names]]),
            kind=first.kind,
            at=at,
            services=names,
            project=project,
            owner=owner,
            revision=first.revision,
            plan=first.plan,
            resources=sum(matter.resources for matter in same),
            reasons=(printable(first.reason),) if first.reason else (),
        )
