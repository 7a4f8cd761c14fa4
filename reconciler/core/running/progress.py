"""Decides, while a plan runs, which hosts of the next step may go and which are skipped, with the root cause.

Knows outcomes as values; knows nothing of how a step is carried out. Whether a rollout goes on at all is told by
`core.budget`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from reconciler.model.delivery import Status
from reconciler.model.desired import Service
from reconciler.model.plan import Plan, Step

Fate: TypeAlias = Status | Literal["unhealthy"]
"""What became of a host in a step: how its visit ended, or that it is not well after one that went through."""

Results = Mapping[tuple[str, str], Fate]
"""What became of (step, host) so far."""

# A host that could not be reached was not changed and is caught up later; it does not hold up others.
_BREAKS: frozenset[Fate] = frozenset({"failed", "stale", "refused", "lost", "skipped", "unhealthy"})


@dataclass(frozen=True, slots=True)
class Admission:
    """Hosts of a step that may go, and hosts that must not, each with why."""

    go: tuple[str, ...]
    skip: Mapping[str, str]


class _Cause(NamedTuple):
    """What went wrong where, and on how many more hosts."""

    service: str
    status: Fate
    host: str
    others: int = 0
    halted: str = ""


@dataclass(slots=True)
class Progress:
    """One run's admissions. `results` and `halted` (services that were stopped, each with why) grow as the run goes on.

    A needed service is worked out once: the steps of a plan are in order, so all of its own are over by then.
    """

    plan: Plan
    services: Mapping[str, Service]
    results: Results
    halted: Mapping[str, str] = field(default_factory=dict)
    _steps: dict[str, list[Step]] = field(default_factory=dict)
    _needs: dict[str, dict[str, None]] = field(default_factory=dict)
    _selected: dict[str, frozenset[str]] = field(default_factory=dict)
    _broken: dict[str, dict[str, Fate]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        service = {step.id: step.service for step in self.plan.steps}
        for step in self.plan.steps:
            self._steps.setdefault(step.service, []).append(step)
            others = (service[id_] for id_ in step.needs if service[id_] != step.service)
            self._needs.setdefault(step.service, {}).update(dict.fromkeys(others))

    def admit(self, step: Step) -> Admission:
        """Splits a step's hosts by what became of the services that its own one needs, over all of their batches.

        Where a host has a needed service itself, only what became of that service on this very host counts; where it
        does not, the service must have gone through on all of its hosts.
        """
        go: list[str] = []
        skip: dict[str, str] = {}
        for host in step.hosts:
            if cause := self._cause(step.service, host):
                skip[host] = _said(cause, host)
            else:
                go.append(host)
        return Admission(tuple(go), skip)

    def _cause(self, service: str, host: str) -> _Cause | None:
        """The root of it: what was only skipped for something else leads on to that."""
        return next((cause for need in self._needs[service] if (cause := self._cause_in(need, host))), None)

    def _cause_in(self, needed: str, host: str) -> _Cause | None:
        broken = self._broken_in(needed)
        if host in self._selected_by(needed):
            broken = {host: broken[host]} if host in broken else {}
        if not broken:
            return None
        first, status = min(broken.items())
        root = self._cause(needed, first) if status == "skipped" else None
        halted = self.halted.get(needed, "") if status == "skipped" else ""
        return root or _Cause(needed, status, first, len(broken) - 1, halted)

    def _selected_by(self, name: str) -> frozenset[str]:
        if name not in self._selected:
            service = self.services.get(name)
            changing = (host for step in self._steps[name] for host in step.hosts)
            self._selected[name] = frozenset(service.hosts if service else ()) | frozenset(changing)
        return self._selected[name]

    def _broken_in(self, name: str) -> dict[str, Fate]:
        if name not in self._broken:
            self._broken[name] = _broken(self._steps[name], self.results)
        return self._broken[name]


def _broken(steps: list[Step], results: Results) -> dict[str, Fate]:
    fates = {host: results[step.id, host] for step in steps for host in step.hosts if (step.id, host) in results}
    broken = {host: fate for host, fate in fates.items() if fate in _BREAKS}
    # Nobody of the whole service was reached: what stands on it must not go on as if it were there.
    if fates and all(fate == "unreachable" for fate in fates.values()):
        return fates
    return broken


def _said(cause: _Cause, host: str) -> str:
    where = "this host" if cause.host == host else cause.host
    where += f" and {cause.others} more" if cause.others else ""
    if cause.halted:
        return cause.halted
    if cause.status == "skipped":  # and nothing is behind it
        return f"the run was stopped before {cause.service} was done on {where}"
    words = {"failed": "failed", "stale": "became stale", "unreachable": "can't be reached"}
    words["unhealthy"] = "is not healthy"
    return f"{cause.service} {words.get(cause.status, f'was {cause.status}')} on {where}"
