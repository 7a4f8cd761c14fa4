"""An approval in words: what it is for, what it lifts, until when, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.explain.markdown import cell
from reconciler.core.explain.outline import last_line
from reconciler.core.gate import Refusal
from reconciler.core.instant import to_text
from reconciler.core.proposing.effect import is_effect
from reconciler.core.words import Line, printable
from reconciler.model.approval import Approval
from reconciler.model.plan import Plan


def approval_text(plan: Plan, given: Approval, refused: Sequence[Refusal]) -> Iterator[Line]:
    """What is approved, the next command last."""
    until = f"{given.until:%Y-%m-%d %H:%M} UTC"
    yield Line(f"approved plan {plan.digest[:8]} until {until}: {printable(given.reason)}", "bold")
    for refusal in refused:
        yield Line(f"  {refusal.message}")
    yield Line(last_line(plan))
    go_on = f"--expect {plan.digest[:16]} (after the merge)" if is_effect(plan) else f"--plan {plan.digest[:8]}"
    yield Line(f"Go on: reconciler apply {go_on}", "bold")


def approval_markdown(plan: Plan, given: Approval, refused: Sequence[Refusal]) -> Iterator[str]:
    """The same as Markdown."""
    head, *rows = approval_text(plan, given, refused)
    yield f"**{cell(head.text)}**"
    yield ""
    for row in rows:
        yield f"- {cell(row.text.strip())}"


def approval_document(given: Approval, refused: Sequence[Refusal]) -> dict[str, Any]:
    """The approval as one JSON document."""
    return {
        "format_version": 1,
        "plan": given.plan,
        "actor": given.actor,
        "reason": given.reason,
        "at": to_text(given.at),
        "until": to_text(given.until),
        "lifts": [
            {"limit": refusal.limit, "value": refusal.value, "actual": refusal.actual, "message": refusal.message}
            for refusal in refused
        ],
    }
