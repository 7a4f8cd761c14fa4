"""`apply --expect`: only what a pull request showed, or nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.model.plan import Plan
    from reconciler.ports import Store

_DIGEST = re.compile(r"[0-9a-f]{16,32}")
"""Shorter ones could be met on purpose."""


def check_expected(store: Store, plan: Plan, expected: str) -> None:
    """Raises Stalled, saying how the plan differs, when its effect is not the one of this digest (or the beginning of
    it) or file. A plan that does nothing does nothing unexpected."""
    from reconciler.core.proposing.effect import differences, effect_of

    shown = None if _DIGEST.fullmatch(expected) else _from_file(expected)
    wanted = shown.digest if shown else expected
    if not plan.summary.changes or effect_of(plan).digest.startswith(wanted):
        return
    shown = shown or _stored(store, wanted)
    how = differences(shown, plan) if shown else ["what it showed is not known here: pr plan --out FILE keeps it"]
    raise Stalled(
        "\n  ".join([f"this plan is not what {wanted[:16]} showed", *how]),
        "nothing was applied; look at it (reconciler plan), and apply it without --expect if it is right",
    )


def _from_file(file: str) -> Plan:
    from reconciler.core.planning.plan_json import read_plan
    from reconciler.core.proposing.effect import effect_of

    try:
        return effect_of(read_plan(Path(file).read_bytes()))
    except OSError as error:
        hint = "give 16 or more digits of what `pr plan` shows, or the FILE that `pr plan --out FILE` wrote"
        raise Stalled(f"{file}: {error.strerror}", hint) from None


def _stored(store: Store, digest: str) -> Plan | None:
    from reconciler.core.planning.plan_json import read_plan

    found = store.plans_like(digest)
    data = store.plan(found[0]) if len(found) == 1 else None
    return read_plan(data) if data else None
