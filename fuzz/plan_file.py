"""Bytes of a plan's file → a plan that can be shown and run. What isn't a plan is refused in words (Stalled)."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import atheris
import orjson

with atheris.instrument_imports(include=["reconciler.core"]):
    from reconciler.core.explain.markdown import plan_markdown
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.planning.plan_json import plan_bytes, read_plan
    from reconciler.model.desired import Desired
    from reconciler.model.digest import digest
    from reconciler.model.errors import Stalled
    from reconciler.model.plan import Plan

from fuzz.target import fuzz

NOTHING = Desired("", {}, {}, {})
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def one(data: bytes) -> None:
    """As it is, and once more with a digest that fits: else nothing would ever come further than to that check."""
    for given in (data, _sealed(data)):
        with contextlib.suppress(Stalled):
            plan = read_plan(given)
            assert plan_bytes(read_plan(plan_bytes(plan))) == plan_bytes(plan)
            _shown(plan)


def _shown(plan: Plan) -> None:
    shown = [line.text for line in plan_text(plan, NOTHING, [], plan.revision, NOW)]
    assert all(line.isprintable() for text in shown for line in text.split("\n")), shown
    list(plan_markdown(plan, []))


def _sealed(data: bytes) -> bytes:
    try:
        document = orjson.loads(data)
        if not isinstance(document, dict):
            return b""
        return orjson.dumps(
            {**document, "digest": digest({name: value for name, value in document.items() if name != "digest"})}
        )
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return b""


if __name__ == "__main__":
    fuzz("plan_file", one)
