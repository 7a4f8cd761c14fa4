"""A pull request's plan for the terminal: what it brings, what else an apply would do, what is wrong, the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from reconciler.core.explain.outline import counts_line, order_line, sections
from reconciler.core.explain.plan_text import (
    not_planned_text,
    refusal_text,
    section_in_brief,
    sections_text,
    warning_text,
)
from reconciler.core.explain.pr_outline import Outline, evidence_line, gate_words, outline, verdict
from reconciler.core.proposing.proposal import Proposal
from reconciler.core.words import Line, Style, counted, names, printable, where
from reconciler.model.plan import Plan

_SHOWN = 10


def pr_text(proposal: Proposal, project: str | None = None) -> Iterator[Line]:
    """The lines for one project (None: all of it)."""
    found = outline(proposal, project)
    head, base = proposal.head, proposal.base
    yield Line(
        f"{head.sha[:7]} “{printable(head.subject)}” into {base.sha[:7]} · {evidence_line(proposal.evidence)}", "bold"
    )
    yield from sections_text(list(sections(found.own)), proposal.desired)
    yield from _expected(found)
    yield from _also(found)
    yield from _hosts(found)
    yield from not_planned_text(found.blocked, proposal.desired)
    if order := order_line(found.own):
        yield Line("")
        yield Line(f"Order   {order}", "dim")
    yield from _problems(found)
    yield from _policies(proposal)
    for refusal in (*proposal.refusals, *proposal.notes):
        yield Line("")
        yield from refusal_text(refusal)
    yield Line("")
    yield from _end(found)


def _expected(found: Outline) -> Iterator[Line]:
    if found.mended:
        yield Line("")
        yield Line(f"Drift is undone by the way on {where(found.mended)}, since the same things change", "warn")
    if found.expected:
        yield Line("")
        said = names([printable(str(key)) for key in found.expected])
        yield Line(f"Expected, since hosts have not been asked for it yet: {said}", "warn")


def _also(found: Outline) -> Iterator[Line]:
    base = found.proposal.base.sha[:7]
    yield from _brief(found.drift, "Drift that an apply would undo too", "warn")
    yield from _brief(found.pending, f"Already pending on {base}", "dim")
    yield from _brief(found.dropped, f"Pending on {base}, and not any more after the merge", "dim")


def _brief(part: Plan, what: str, style: Style) -> Iterator[Line]:
    if not part.steps:
        return
    yield Line("")
    yield Line(f"{what} ({counted(part.summary.hosts, 'host')})", style)
    told = list(sections(part))
    for section in told[:_SHOWN]:
        yield Line(f"  {section_in_brief(section)}")
    if len(told) > _SHOWN:
        yield Line(f"  … {counted(len(told) - _SHOWN, 'more service')}", "dim")


def _hosts(found: Outline) -> Iterator[Line]:
    proposal = found.proposal
    known = proposal.evidence.basis == "none"
    for hosts, what in (
        (proposal.joined, "come" if known else "come; what they need is known once they have been asked"),
        (proposal.left, "leave; nothing is done to them"),
    ):
        if hosts:
            yield Line("")
            yield Line(f"Hosts that {what}: {where(hosts)}")


def _problems(found: Outline) -> Iterator[Line]:
    mistakes, fixed = found.mistakes, found.proposal.fixed
    if mistakes:
        yield Line("")
        yield Line(f"{counted(len(mistakes), 'new problem')}; what is in these documents stays as it is", "delete")
    for problem in islice(mistakes, _SHOWN):
        yield Line(f"  {printable(str(problem.place))}  {printable(problem.message)}")
    if len(mistakes) > _SHOWN:
        yield Line(
            f"  … {len(mistakes) - _SHOWN:,} more: reconciler validate --rev {found.proposal.head.sha[:12]}", "dim"
        )
    if fixed:
        yield Line("")
        yield Line(f"{counted(len(fixed), 'problem')} mended", "dim")


def _policies(proposal: Proposal) -> Iterator[Line]:
    if proposal.loosened:
        yield Line("")
        yield Line(f"It changes or removes policies: {names([printable(name) for name in proposal.loosened])}", "warn")
    for denial in proposal.overruled:
        yield Line(f"  as it stands on the base, it would deny this: {printable(denial.message)}", "warn")
    for warning in proposal.warnings:
        yield Line("")
        yield from warning_text(warning)


def _end(found: Outline) -> Iterator[Line]:
    proposal = found.proposal
    said = verdict(found)
    yield Line(f"{said[0].upper()}{said[1:]} · {gate_words(proposal)}")
    if proposal.effect and proposal.plan.summary.changes:
        yield Line(f"After the merge, just this or nothing: reconciler apply --expect {proposal.effect[:16]}")
    yield Line(counts_line(found.own.summary), "bold")
