"""Decides, while a plan runs, which hosts of the next step may go and which are skipped, with the root cause.

Knows outcomes as values; knows nothing of how a step is carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.model.delivery import Status
from reconciler.model.desired import Service
from reconciler.model.plan import Plan, Step

Results = Mapping[tuple[str, str], Status]
"""What became of (step, host) so far."""

# A host that could not be reached was not changed and is caught up later; it does not hold up others.
_BREAKS: frozenset[Status] = frozenset({"failed", "stale", "refused", "lost", "skipped"})


@dataclass(frozen=True, slots=True)
class Admission:
    """Hosts of a step that may go, and hosts that must not, each with why."""

    go: tuple[str, ...]
    skip: Mapping[str, str]


class _Cause(NamedTuple):
    """What went wrong where, and on how many more hosts."""

    service: str
    status: Status
    host: str
    others: int = 0


def admit(step: Step, plan: Plan, services: Mapping[str, Service], results: Results) -> Admission:
    """Splits a step's hosts by what became of the steps that it needs.

    Where a host has a needed service itself, only what became of that service on this very host counts; where it
    does not, the service must have gone through on all of its hosts.
    """
    search = _Search({s.id: s for s in plan.steps}, services, results)
    go: list[str] = []
    skip: dict[str, str] = {}
    for host in step.hosts:
        if cause := search.cause(step, host):
            skip[host] = _said(cause, host)
        else:
            go.append(host)
    return Admission(tuple(go), skip)


@dataclass(slots=True)
class _Search:
    """Looks for what is behind it that a host must not go; each needed step is worked out once."""

    steps: Mapping[str, Step]
    services: Mapping[str, Service]
    results: Results
    _selected: dict[str, frozenset[str]] = field(default_factory=dict)
    _broken: dict[str, dict[str, Status]] = field(default_factory=dict)

    def cause(self, step: Step, host: str) -> _Cause | None:
        """The root of it: what was only skipped for something else leads on to that."""
        return next((cause for id_ in step.needs if (cause := self._cause_in(self.steps[id_], host))), None)

    def _cause_in(self, needed: Step, host: str) -> _Cause | None:
        broken = self._broken_in(needed)
        if host in self._selected_by(needed):
            broken = {host: broken[host]} if host in broken else {}
        if not broken:
            return None
        first, status = min(broken.items())
        root = self.cause(needed, first) if status == "skipped" else None
        return root or _Cause(needed.service, status, first, len(broken) - 1)

    def _selected_by(self, step: Step) -> frozenset[str]:
        if step.id not in self._selected:
            service = self.services.get(step.service)
            self._selected[step.id] = frozenset(service.hosts if service else ()) | frozenset(step.hosts)
        return self._selected[step.id]

    def _broken_in(self, step: Step) -> dict[str, Status]:
        if step.id not in self._broken:
            self._broken[step.id] = _broken(step, self.results)
        return self._broken[step.id]


def _broken(step: Step, results: Results) -> dict[str, Status]:
    statuses = {host: results[step.id, host] for host in step.hosts if (step.id, host) in results}
    broken = {host: status for host, status in statuses.items() if status in _BREAKS}
    # Nobody of the whole service was reached: what stands on it must not go on as if it were there.
    if statuses and all(status == "unreachable" for status in statuses.values()):
        return dict(statuses)
    return broken


def _said(cause: _Cause, host: str) -> str:
    where = "this host" if cause.host == host else cause.host
    where += f" and {cause.others} more" if cause.others else ""
    if cause.status == "skipped":  # and nothing is behind it
        return f"the run was stopped before {cause.service} was done on {where}"
    words = {"failed": "failed", "stale": "became stale", "unreachable": "can't be reached"}
    return f"{cause.service} {words.get(cause.status, f'was {cause.status}')} on {where}"
