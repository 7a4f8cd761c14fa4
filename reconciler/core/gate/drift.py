"""A sudden mass of drift is not healed: it is more likely that we are wrong than that everybody else is."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.refusal import Refusal, most
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def mass_drift(plan: Plan, _desired: Desired, limits: Limits, _: Circumstances) -> Iterator[Refusal]:
    """Refuses a plan that undoes drift on more hosts than the larger of a number and a share of the fleet."""
    drifting = _drifting(plan)
    actual, limit = drifting_hosts(plan), allowed_drift(plan, limits)
    if actual > limit:
        message = (
            f"this plan undoes drift on {actual:,} hosts at once; the limit is {limit:,} (the larger of "
            f"{limits.drift_hosts} and {limits.drift_share:.0%} of {plan.fleet:,} hosts, limits.drift_share)"
        )
        examples = most({name: len(hosts) for name, hosts in drifting.items()})
        yield Refusal("mass-drift", limit, actual, message, "see what drifts: reconciler drift", examples)


def allowed_drift(plan: Plan, limits: Limits) -> int:
    """The most hosts on which drift is undone without anybody's word."""
    return max(limits.drift_hosts, int(plan.fleet * limits.drift_share))


def drifting_hosts(plan: Plan) -> int:
    """On how many hosts the plan undoes drift."""
    return len(set[str]().union(*_drifting(plan).values()))


def _drifting(plan: Plan) -> dict[tuple[str, str], set[str]]:
    """The hosts of each thing that drifts, by service and key."""
    found: dict[tuple[str, str], set[str]] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            for change in plan.programs[program].changes:
                if change.cause == "drift":
                    found.setdefault((step.service, str(change.key)), set()).update(hosts)
    return found
