"""From a desired state and what is known of hosts to a plan: reads no more of what is known than may make a difference.

The store knows hosts, and so does a snapshot of one; nothing is asked or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.assessing.alike import stand_ins, unfit
from reconciler.core.assessing.assess import assess
from reconciler.core.assessing.due import Assessment, Focus
from reconciler.core.assessing.heads import standing
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.order import Programs
from reconciler.core.planning.plan import Only, Scope, Seen, make_plan
from reconciler.core.planning.undo import instead
from reconciler.kinds import Registry
from reconciler.loop.world import Memory
from reconciler.model.desired import Desired
from reconciler.model.observation import Head, Observation, Ownership
from reconciler.model.plan import Plan
from reconciler.ports import Known

RECENT = 20
"""Runs that are looked at for one that was interrupted, or for a revision to go back to."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a plan is made on: what is known, the kinds, how careful it is to be; and what the last one found.
    `expecting`: what hosts were not asked for yet is shown as Git lets expect it; such a plan is not to be run."""

    known: Known
    registry: Registry
    caution: Caution
    memory: Memory
    expecting: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A plan, and what was looked at for it: heads of all hosts, answers and records of those with something open."""

    plan: Plan
    assessment: Assessment
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    heads: Mapping[str, Head]


def plan_from(grounds: Grounds, desired: Desired, scope: Scope, look_at: frozenset[str] = frozenset()) -> Made:
    """What would be done; hosts to `look_at` are looked at closely even if nothing changed there. Raises Stalled for a
    target that means nothing."""
    known, memory = grounds.known, grounds.memory
    memory.standing = stand = standing(desired, known.heads(), memory.standing)
    looked = _look(grounds, desired, scope.only, look_at)
    goes_back = any(service.rollout.on_failure == "rollback" for service in desired.services.values())
    # What hosts have on record tells a plan where they go back to, and nothing else.
    records = looked.records if goes_back else {}
    others = instead(known.runs(RECENT)) if goes_back else {}
    seen = Seen(stand, records, Programs(memory.programs), others)
    plan = make_plan(looked.assessment, desired, seen, scope, grounds.caution)
    memory.programs = seen.programs.made
    return Made(plan, looked.assessment, looked.observations, looked.ownership, stand.heads)


@dataclass(frozen=True, slots=True)
class _Looked:
    """`stand_ins` are hosts that were looked at for others too."""

    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    stand_ins: Mapping[str, tuple[str, ...]]

    @property
    def records(self) -> Mapping[str, Ownership]:
        """Of every host on which something may be due, those of its stand-in where it has one."""
        others = {other: host for host, hosts in self.stand_ins.items() for other in hosts if host in self.ownership}
        return {**self.ownership, **{other: self.ownership[host] for other, host in others.items()}}


def _look(grounds: Grounds, desired: Desired, only: Only | None, alone: frozenset[str]) -> _Looked:
    """Reads and assesses the hosts that have to be looked at; of hosts that are alike one, where that is enough."""
    known, memory = grounds.known, grounds.memory
    stand = memory.standing
    others = stand_ins(desired, stand, alone) if only is None else {}
    about = (stand.open | alone) if only is None else (stand.open | alone) & only.hosts
    while True:
        hosts = about.difference(*(hosts[1:] for hosts in others.values()))
        observations, ownership = known.observations(hosts), known.ownership(hosts)
        focus = Focus(hosts, memory.judged, others, grounds.expecting)
        assessment = assess(desired, observations, ownership, grounds.registry, focus)
        memory.judged = assessment.judged
        each = unfit(assessment, desired, others)
        if not each:
            return _Looked(observations, ownership, assessment, others)
        others = {host: hosts for host, hosts in others.items() if host not in each}
