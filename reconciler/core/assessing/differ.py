"""What differs from Git, counted by service: the one look at a plan that decides what is to be done by itself.

Must not know why something may or may not be done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.assessing.due import Assessment
from reconciler.model.desired import Desired, Heal, Profile, Sync
from reconciler.model.digest import digest
from reconciler.model.plan import Cause, Plan


@dataclass(frozen=True, slots=True)
class Differing:
    """A service that is not as Git says, as far as it wants to know: `heal: off` counts no drift. `pending` and `drift`
    count changes on hosts, `unknown` the resources there of which nothing is known; `due` is the digest of what is due:
    the programs and their hosts."""

    service: str
    project: str
    sync: Sync
    heal: Heal
    pending: int = 0
    drift: int = 0
    unknown: int = 0
    due: str = ""
    requires: tuple[str, ...] = ()

    @property
    def permitted(self) -> frozenset[Cause]:
        """The causes of changes that the service's modes let happen by themselves."""
        causes: list[Cause] = []
        if self.sync == "auto" and self.pending:
            causes.append("pending")
        if self.heal == "auto" and self.drift:
            causes.append("drift")
        return frozenset(causes)


def differing(plan: Plan, desired: Desired, assessment: Assessment) -> Mapping[str, Differing]:
    """Every service with something due or unknown, sorted by name; those that left Git too (never by themselves)."""
    counts: dict[str, Counter[str]] = {}
    programs: dict[str, list[object]] = {}
    for step in plan.steps:
        of_service = counts.setdefault(step.service, Counter())
        for program, hosts in step.programs.items():
            programs.setdefault(step.service, []).append([program, list(hosts)])
            for change in plan.programs[program].changes:
                of_service[change.cause] += len(hosts)
    for service, resources in _unknown(desired, assessment).items():
        counts.setdefault(service, Counter())["unknown"] += resources
    return {name: _differing(name, counts[name], programs.get(name, []), desired) for name in sorted(counts)}


def _unknown(desired: Desired, assessment: Assessment) -> Counter[str]:
    """Resources of which nothing is known, by service: single ones, and all those of hosts that did not answer."""
    found: Counter[str] = Counter()
    layouts: Counter[Profile] = Counter()
    for blocked in assessment.blocked:
        if blocked.service:
            found[blocked.service] += len(blocked.hosts)
        else:
            layouts.update(desired.layouts[host] for host in blocked.hosts if host in desired.layouts)
    for layout, hosts in layouts.items():
        for resource in layout.resources:
            found[resource.service] += hosts
    return found


def _differing(name: str, counts: Counter[str], programs: list[object], desired: Desired) -> Differing:
    service = desired.services.get(name)
    return Differing(
        service=name,
        project=service.project if service else "",
        sync=service.sync if service else "manual",
        heal=service.heal if service else "report",
        pending=counts["pending"],
        drift=0 if service and service.heal == "off" else counts["drift"],
        unknown=counts["unknown"],
        due=digest(programs) if programs else "",
        requires=service.requires if service else (),
    )
