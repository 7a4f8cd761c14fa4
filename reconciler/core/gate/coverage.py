"""No deletes while many hosts do not answer: who can't see the fleet must not clear it up."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.refusal import Refusal
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def coverage(plan: Plan, _desired: Desired, limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses deletes when too small a share of the fleet has answered. A few hosts may always be away."""
    seen = circumstances.coverage
    if not plan.summary.delete or seen.missing < limits.coverage_missing or not seen.asked:
        return
    actual = 1 - seen.missing / seen.asked
    if actual < limits.coverage:
        message = (
            f"this plan deletes {plan.summary.delete:,} resources while only {actual:.1%} of {seen.asked:,} hosts have "
            f"answered ({seen.missing:,} have not); the limit is {limits.coverage:.0%} (limits.coverage)"
        )
        yield Refusal("coverage", limits.coverage, actual, message, "or wait until they answer: reconciler observe")
