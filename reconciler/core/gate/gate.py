"""All limits together. A refusal says which limit, its value, the actual figure, and how to go on.

An approval lifts them: it is for exactly this plan, by somebody who has seen what they say. It says nothing of when: a
pause, a freeze or a window holds all the same; and so does a policy that says that nobody can approve what it denies.
What a host itself refuses (another run's lock, an older epoch, another machine) is no limit, and nobody can approve it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.coverage import coverage
from reconciler.core.gate.deletes import deletes, fleet_deletes, project_deletes, service_deletes
from reconciler.core.gate.drift import mass_drift
from reconciler.core.gate.halted import breaker
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.policies import denied, forbidden
from reconciler.core.gate.refusal import Refusal
from reconciler.core.gate.withhold import withheld
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan

Rule: TypeAlias = Callable[[Plan, Desired, Limits, Circumstances], Iterator[Refusal]]

RULES: tuple[Rule, ...] = (
    deletes,
    project_deletes,
    service_deletes,
    fleet_deletes,
    coverage,
    mass_drift,
    breaker,
    denied,
)


def gate(plan: Plan, desired: Desired, limits: Limits, circumstances: Circumstances) -> list[Refusal]:
    """Every limit that the plan breaks and nobody has approved, after what holds it up for now; nothing means go."""
    held = [*withheld(plan, desired, circumstances), *forbidden(plan, desired)]
    if circumstances.approved(plan.digest):
        return held
    found = [refusal for rule in RULES for refusal in rule(plan, desired, limits, circumstances)]
    return held + [replace(refusal, hint=_hint(plan, refusal)) for refusal in found]


def _hint(plan: Plan, refusal: Refusal) -> str:
    approve = f'approve exactly this plan: reconciler approve {plan.digest[:8]} --reason "…"'
    return f"{approve}\n{refusal.hint}" if refusal.hint else approve
