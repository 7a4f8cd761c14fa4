"""Makes the plan: assesses, limits, orders, counts, and seals it with a digest.

Pure: the same values give the same plan, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from reconciler.core.assessing.due import Assessment
from reconciler.core.assessing.heads import Standing
from reconciler.core.assessing.permit import Permitted, permitted
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.order import Programs, order
from reconciler.core.planning.plan_json import sealed
from reconciler.core.planning.steps import steps
from reconciler.core.planning.target import drift_only, limited, of_service
from reconciler.core.planning.undo import with_way_back
from reconciler.model.desired import Desired
from reconciler.model.observation import Head, Ownership
from reconciler.model.plan import Plan, Program, Step, Summary


@dataclass(frozen=True, slots=True)
class Only:
    """One service on some hosts."""

    service: str
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the plan is limited to. `drift` leaves pending changes out; `only` is the way back of some hosts, all at
    once. `permit` are the causes of changes that may be made by themselves, for each service that has some (None: all).
    """

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    drift: bool = False
    only: Only | None = None
    permit: Permitted | None = None

    @property
    def whole(self) -> bool:
        return not (self.targets or self.excludes or self.drift or self.only or self.permit is not None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of hosts: how all stand, and what we own on those on which something may be due (looked at only
    where a service goes back when it fails). `programs` are those that were ordered for the last plan; `instead` are
    revisions to go back to in the place of others."""

    standing: Standing
    ownership: Mapping[str, Ownership]
    programs: Programs = field(default_factory=Programs)
    instead: Mapping[str, str] = field(default_factory=dict)


def make_plan(assessment: Assessment, desired: Desired, seen: Seen, scope: Scope, caution: Caution) -> Plan:
    """The plan for what is due. Raises Stalled for a target that means nothing."""
    narrowed = limited(assessment, desired, scope.targets, scope.excludes)
    narrowed = of_service(narrowed, scope.only.service, scope.only.hosts) if scope.only else narrowed
    narrowed = drift_only(narrowed) if scope.drift else narrowed
    narrowed = narrowed if scope.permit is None else permitted(narrowed, scope.permit)
    found = order(narrowed, seen.programs)
    cut = steps(found, desired, caution)
    ordered = cut.steps
    return sealed(
        Plan(
            revision=desired.revision,
            fingerprint=seen.standing.fingerprint,
            observed_at=seen.standing.oldest,
            fleet=len(desired.hosts),
            managed=desired.managed,
            steps=ordered,
            programs=dict(sorted(found.programs.items())),
            blocked=assessment.blocked,
            releases=assessment.releases,
            summary=_summary(ordered, found.programs, assessment),
            incomplete=not scope.whole,
            machines=_machines(ordered, seen.standing.heads),
            rollouts=with_way_back(cut.rollouts, ordered, seen.ownership, seen.instead),
        )
    )


def _machines(steps: Iterable[Step], heads: Mapping[str, Head]) -> dict[str, str]:
    """Which machine each host is. Sorted, as heads are: in another order they take longer to find."""
    hosts = dict.fromkeys(chain.from_iterable(members for step in steps for members in step.programs.values()))
    return {host: heads[host].identity for host in sorted(hosts)}


def _summary(ordered: Sequence[Step], programs: Mapping[str, Program], assessment: Assessment) -> Summary:
    looked_at = sum(verdict.unchanged * len(members) for verdict, members in assessment.verdicts)
    counted = changes_of(ordered, programs)
    return replace(counted, unchanged=looked_at + assessment.settled, unknown=assessment.unknown)


def changes_of(steps: Iterable[Step], programs: Mapping[str, Program]) -> Summary:
    """The counts of what steps change, and of their hosts; nothing of what they leave alone."""
    counts = {"create": 0, "update": 0, "delete": 0, "restart": 0}
    hosts: set[str] = set()
    for step in steps:
        for program, members in step.programs.items():
            hosts.update(members)
            for change in programs[program].changes:
                counts["restart" if change.action == "reload" else change.action] += len(members)
    return Summary(**counts, hosts=len(hosts))
