"""What was stopped by its failures is not tried again by itself: a new revision is, or what a person asks for."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits
from reconciler.core.gate.refusal import Refusal
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def breaker(plan: Plan, _desired: Desired, _limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses a plan at a revision whose last run was halted by a rollout's budget, a batch's health or the breaker."""
    run = circumstances.halted
    if run is not None and plan.summary.changes and not circumstances.allowance.again:
        message = (
            f"1 run at this revision ({run.revision[:7]}) was halted by its failures already: run {run.id}; the limit "
            "is 0 (breaker)"
        )
        hint = f"or commit a remedy, or try it again: --again (what failed: reconciler runs show {run.id})"
        yield Refusal("breaker", 0, 1, message, hint)
