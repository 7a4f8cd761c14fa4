"""What was stopped by its failures is not tried again by itself: a new revision is, or what a person asks for."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.refusal import Refusal
from reconciler.core.quote import listing
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def breaker(plan: Plan, _desired: Desired, _limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses a plan for a service whose last run at the revision was halted: by its rollout's budget, the health of a
    batch, or the breaker."""
    if circumstances.allowance.again:
        return
    by_run: dict[int, dict[str, None]] = {}
    for step in plan.steps:
        if (run := circumstances.halted.get(step.service)) is not None:
            by_run.setdefault(run.id, {}).setdefault(step.service)
    for number, services in by_run.items():
        message = (
            f"1 run of {listing(list(services))} at this revision ({plan.revision[:7]}) was halted by its failures "
            f"already: run {number}; the limit is 0 (breaker)"
        )
        hint = f"or commit a remedy, or try it again: --again (what failed: reconciler runs show {number})"
        yield Refusal("breaker", 0, 1, message, hint)
