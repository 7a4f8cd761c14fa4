"""The gate: whether a plan may run, by limits that are on by default. One gate for every way to apply."""

from __future__ import annotations

from reconciler.core.gate.circumstances import Allowance, Circumstances, Coverage, covered, halted_services
from reconciler.core.gate.gate import gate
from reconciler.core.gate.limits import Limits, allowed_deletes
from reconciler.core.gate.policies import warned
from reconciler.core.gate.refusal import Refusal

__all__ = [
    "Allowance",
    "Circumstances",
    "Coverage",
    "Limits",
    "Refusal",
    "allowed_deletes",
    "covered",
    "gate",
    "halted_services",
    "warned",
]
