"""What came of the cases that policies were tried with, for the terminal, as Markdown and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.explain.markdown import cell
from reconciler.core.gate.policy_cases import Tried
from reconciler.core.words import Line, counted, printable

Results = Mapping[str, Sequence[Tried]]
"""By file."""


def tried_text(results: Results) -> Iterator[Line]:
    """What is not as expected, and the counts last."""
    for file, some in results.items():
        for each in some:
            if each.why:
                yield Line(f"{printable(file)}: {printable(each.case.name)}", "bold")
                yield Line(f"  {printable(each.case.policy)}: {printable(each.why)}", "delete")
    yield Line(_verdict(results), "bold")


def tried_markdown(results: Results) -> Iterator[str]:
    """The same as a list."""
    yield f"**{_verdict(results)}**"
    yield ""
    for file, some in results.items():
        for each in some:
            if each.why:
                yield f"- {cell(file)}: {cell(each.case.name)}: {cell(each.case.policy)}: {cell(each.why)}"


def tried_document(results: Results) -> dict[str, Any]:
    """All cases as JSON values."""
    cases = [
        {
            "file": file,
            "name": each.case.name,
            "policy": each.case.policy,
            "expected": each.case.expect,
            "answer": each.answer,
            "passed": not each.why,
            "why": each.why,
        }
        for file, some in results.items()
        for each in some
    ]
    return {"format_version": 1, "cases": cases}


def _verdict(results: Results) -> str:
    total = sum(map(len, results.values()))
    wrong = sum(bool(each.why) for some in results.values() for each in some)
    said = counted(total, "case")
    return f"{wrong:,} of {said} not as expected." if wrong else f"{said} as expected."
