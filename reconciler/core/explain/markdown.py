"""A plan as Markdown, for pull requests and chat: counts first, a table of services, then each in a fold.

Text from Git or hosts can neither end a fence or a table cell nor mention anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.core.explain.outline import Section, last_line, rollout_line, sections
from reconciler.core.explain.plan_text import blocked_text, part_text
from reconciler.core.gate import Refusal
from reconciler.core.words import MARKS, counted, names, printable
from reconciler.model.plan import Plan

_ZERO_WIDTH = "\u200b"
# What forges make links of in plain text, escaped or not: issues, merge requests, labels, milestones, snippets, epics.
_REFERENCE = re.compile(r"([#!~%$&]|\bGH-)(?=[\w\"'])")
_ADDRESS = re.compile(r"://|\b[Ww][Ww][Ww]\.")


def cell(text: str) -> str:
    """Untrusted text inside a table cell or a sentence; never to stand at the beginning of a line, where a forge may
    take it for an order."""
    out = _unlinked(printable(text)).replace("&", "&amp;")
    for char in "\\`*_{}[]<>()#+!|~":
        out = out.replace(char, "\\" + char)
    return out


def code(text: str) -> str:
    """Untrusted text as code in a table cell or a sentence, where forges look for nothing."""
    shown = printable(text).replace("|", "\u2502")  # a bar ends the cell of a table in code too, or shows its escape
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def html(text: str) -> str:
    """Untrusted text inside an element, such as the summary of a fold."""
    out = _unlinked(printable(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return out.replace("`", "&#96;").replace("*", "&#42;").replace("_", "&#95;").replace("[", "&#91;")


def _unlinked(text: str) -> str:
    """Nobody is mentioned, nothing is referred to, and no address becomes a link."""
    text = _REFERENCE.sub(lambda found: found[0] + _ZERO_WIDTH, text.replace("@", "@" + _ZERO_WIDTH))
    return _ADDRESS.sub(lambda found: found[0][:-1] + _ZERO_WIDTH + found[0][-1], text)


def fenced(text: str, language: str = "") -> str:
    """Untrusted lines in a fence that is longer than any in them."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def plan_markdown(plan: Plan, refusals: Sequence[Refusal], warnings: Sequence[Refusal] = ()) -> Iterator[str]:
    """The plan in lines of Markdown."""
    yield f"**{last_line(plan)}**"
    yield ""
    for refusal in refusals:
        yield f"> refused: {cell(refusal.message)}"
        yield ""
    for warning in warnings:
        yield f"> warning: {cell(warning.message)}"
        yield ""
    if plan.steps:
        yield "| | service | hosts | changes |"
        yield "| --- | --- | --- | --- |"
    for section in sections(plan):
        yield f"| {_marks(section)} | {cell(section.service)} | {len(section.hosts):,} | {_counts(section)} |"
    yield ""
    for section in sections(plan):
        yield f"<details><summary>{cell(section.service)}: details</summary>"
        yield ""
        if line := rollout_line(section):
            yield f"Rollout: {cell(line)} ({counted(section.batches, 'batch', 'batches')})"
            yield ""
        yield fenced("\n".join(section_details(section)), "diff")
        yield ""
        yield "</details>"
        yield ""
    for item in plan.blocked:
        yield f"- not planned: {cell(blocked_text(item))}"
    yield ""
    yield f"Plan `{plan.digest[:8]}` · revision `{plan.revision[:7]}`"


def section_details(section: Section) -> Iterator[str]:
    """A section for a fence: what each part of its hosts gets."""
    for part in section.parts:
        yield f"@@ {counted(len(part.hosts), 'host')}: {names(part.hosts)} @@"
        for line in part_text(part):
            # A diff highlighter colours by the first column, so the mark moves there.
            mark = line.text.lstrip()[:1]
            yield mark + line.text.replace(mark, " ", 1)[1:] if mark and mark in "+-" else line.text


def _marks(section: Section) -> str:
    marks = {MARKS[change.action] for part in section.parts for change in part.example.changes}
    return " ".join(sorted(marks))


def _counts(section: Section) -> str:
    counts: dict[str, int] = {}
    for part in section.parts:
        for change in part.example.changes:
            counts[change.action] = counts.get(change.action, 0) + len(part.hosts)
    return ", ".join(f"{count:,} {action}" for action, count in sorted(counts.items()))
