"""The comment on a pull request: verdict and counts first, then what is refused and removed, then the rest in folds.

All text from Git or hosts is data here: it can't end a fence, a table or a fold, mention anybody, become a link or an
order to the forge, or hide what it says. Must not know forges: what finds the comment again (a marker) is added by
whoever posts it, on a line of its own before all of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.explain.markdown import cell, code, fenced, html, section_details
from reconciler.core.explain.outline import Section, grouped, rollout_line, sections
from reconciler.core.explain.plan_text import blocked_text
from reconciler.core.explain.pr_blocks import Block, fitted
from reconciler.core.explain.pr_outline import (
    Outline,
    deletes_of,
    evidence_line,
    gate_words,
    outline,
    reach,
    verdict,
)
from reconciler.core.explain.pr_row import row
from reconciler.core.proposing.proposal import Proposal
from reconciler.core.words import counted, names, printable
from reconciler.model.comment import Comment
from reconciler.model.plan import Plan
from reconciler.model.problem import Problem

LARGEST = 60_000
"""Bytes that fit into a comment everywhere: GitHub takes 65,536 characters, GitLab 1,000,000."""
_SUMMARY = 140
_WIDEST = 160
"""Characters of a line in a fence."""
_HINT = 500


def pr_comment(proposal: Proposal, project: str | None = None, limit: int = LARGEST) -> Comment:
    """The comment for one project of a pull request, in at most `limit` bytes of UTF-8 (at least 4,000).

    `project` None: all services in one comment; empty: those of no project. What finds no room is left out and
    named, the least important first; deletes, limits and policies go last. The same proposal gives the same text,
    byte for byte, so whoever posts it can leave alone what is there already. No line begins with text of others.
    """
    found = outline(proposal, project)
    text, cut = fitted(list(_blocks(found)), limit)
    return Comment(
        markdown=text,
        summary=_summary(found),
        changes=found.own.summary.changes,
        destructive=found.deletes > 0,
        refused=bool(proposal.refusals),
        denied=any(refusal.limit == "policy" for refusal in proposal.refusals),
        problems=len(found.mistakes),
        cut=cut,
    )


def _summary(found: Outline) -> str:
    mistakes = [counted(len(found.mistakes), "problem")] if found.mistakes else []
    said = " · ".join([verdict(found), gate_words(found.proposal), *mistakes])
    return said if len(said) <= _SUMMARY else said[: _SUMMARY - 1] + "…"


def _blocks(found: Outline) -> Iterator[Block]:
    proposal = found.proposal
    yield Block(0, (_heading(found),))
    if proposal.evidence.basis == "none":
        yield Block(0, (_GIT_ONLY,))
    yield from _refused(found)
    yield from _policies(proposal)
    yield from _problems(found.mistakes)
    yield from _deletes(found)
    yield from _table(found)
    yield from _by_the_way(found)
    yield from _expected(found)
    yield from _hosts(found)
    for section in found.sections:
        yield _details(section)
    yield from _also(found)
    yield from _unplanned(found)
    yield Block(0, (_footer(found),))


_GIT_ONLY = (
    "> This compares two states of Git. Nothing is known of hosts here: what is pending already, what drifts and what "
    "is there at all is not in it. A store or a snapshot (`reconciler observe export`) makes it a plan."
)


def _heading(found: Outline) -> str:
    proposal = found.proposal
    parts = ["**reconciler**"]
    if found.project is not None:
        parts.append(cell(found.project) if found.project else "no project")
    said = verdict(found)
    parts.append(f"**{said[0].upper()}{said[1:]}**")
    gate = gate_words(proposal)
    parts.append(f"**{cell(gate)}**" if proposal.refusals or proposal.overruled else gate)
    if found.mistakes:
        parts.append(f"**{counted(len(found.mistakes), 'new problem')}**")
    if fixed := len(proposal.fixed):
        parts.append(f"{counted(fixed, 'problem')} mended")
    return " · ".join(parts)


def _refused(found: Outline) -> Iterator[Block]:
    """Each limit with the way past it. What is deleted is listed below, if all of it is the pull request's."""
    proposal, listed = found.proposal, found.deletes == found.proposal.plan.summary.delete
    for refusal in proposal.refusals:
        also = (
            " _What is pending on the base is refused by itself._" if refusal.limit in proposal.refused_before else ""
        )
        head = f"> **Refused:** {cell(_short(refusal.message, 600))}{also}"
        shown = () if listed and "deletes" in refusal.limit else refusal.examples
        examples = "".join(f"\n> - {cell(_short(line))}" for line in shown)
        hint = _way_on(refusal.hint.partition("\n")[0])
        yield Block(1, (head + examples + hint, head + examples, head), "what is refused")


def _way_on(hint: str) -> str:
    """`approve it: reconciler approve …`, with the command as code."""
    words, colon, command = hint.partition(": ")
    if not command:
        return f"\n>\n> {cell(_short(hint, _HINT))}" if hint else ""
    return f"\n>\n> {cell(words[:1].upper() + words[1:])}{colon}{code(_short(command, _HINT))}"


def _policies(proposal: Proposal) -> Iterator[Block]:
    """What policies tell of, and those that the pull request itself takes out of its way."""
    if proposal.loosened:
        named = ", ".join(code(_short(name)) for name in proposal.loosened[:10])
        yield Block(1, (f"> **Changes or removes policies:** {named}",), "policies")
    for denial in proposal.overruled:
        head = f"> **As it stands on the base, it would deny this:** {cell(_short(denial.message, 600))}"
        examples = "".join(f"\n> - {cell(_short(line))}" for line in denial.examples)
        yield Block(1, (head + examples, head), "policies")
    for warning in proposal.warnings:
        head = f"> **Warning:** {cell(_short(warning.message, 600))}"
        examples = "".join(f"\n> - {cell(_short(line))}" for line in warning.examples)
        yield Block(2, (head + examples, head), "warnings of policies")


def _problems(mistakes: Sequence[Problem]) -> Iterator[Block]:
    if mistakes:
        lines = [f"- {code(_short(str(p.place)))} {cell(_short(_told(p), 400))}" for p in mistakes]
        head = f"**{counted(len(mistakes), 'new problem')}** in documents; what is in them stays as it is:\n"
        yield Block(2, tuple(head + "\n" + _most(lines, most) for most in (40, 10, 3)), "problems")


def _told(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _deletes(found: Outline) -> Iterator[Block]:
    """What goes, unfolded; what goes from the most hosts first."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for section in found.sections:
        for part in section.parts:
            for change in part.example.changes:
                if change.action == "delete":
                    hosts.setdefault((section.service, str(change.key)), []).extend(part.hosts)
    ordered = sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [
        f"- {code(_short(key))} of {cell(service)} on {_where(sorted(where))}" for (service, key), where in ordered
    ]
    if lines:
        head = f"**{counted(found.deletes, 'thing')} deleted:**\n"
        yield Block(1, tuple(head + "\n" + _most(lines, most) for most in (60, 15, 5)), "deletes")


def _table(found: Outline) -> Iterator[Block]:
    rows = [
        f"| {marks} | {cell(section.service)} | {reach(found, section)} | {what} |"
        for section in found.sections
        for marks, what in [row(section)]
    ]
    if rows:
        head = "| | service | hosts | what |\n| --- | --- | --- | --- |\n"
        forms = [head + "\n".join(rows[:most]) + _more_rows(len(rows) - most) for most in (100, 25, 8, 3)]
        yield Block(3, tuple(forms), "services")


def _more_rows(left: int) -> str:
    return f"\n| | … {left:,} more | | |" if left > 0 else ""


def _hosts(found: Outline) -> Iterator[Block]:
    proposal = found.proposal
    for hosts, what in (
        (proposal.joined, "come" + _asked_first(found)),
        (proposal.left, "leave; nothing is done to them"),
    ):
        if hosts:
            yield Block(3, (f"Hosts that {what}: {_where(hosts)}",), "hosts")


def _by_the_way(found: Outline) -> Iterator[Block]:
    if hosts := found.mended:
        yield Block(3, (f"Drift is undone by the way on {_where(hosts)}, since the same things change",), "drift")


def _expected(found: Outline) -> Iterator[Block]:
    if keys := [code(_short(str(key))) for key in found.expected]:
        more = f" and {len(keys) - 5:,} more" if len(keys) > 5 else ""
        text = f"Expected, since hosts have not been asked for it yet: {', '.join(keys[:5])}{more}"
        yield Block(3, (text,), "what is expected only")


def _asked_first(found: Outline) -> str:
    return "" if found.proposal.evidence.basis == "none" else " (what they need is known once they have been asked)"


def _details(section: Section) -> Block:
    """Deletes are told before, so the largest part of a service is what is left."""
    head = f"{html(section.service)}: details"
    lines = [_short(line, _WIDEST) for line in section_details(section)]
    rollout = f"Rollout: {cell(line)} ({counted(section.batches, 'batch', 'batches')})\n\n" if (
        line := rollout_line(section)
    ) else ""  # fmt: skip
    forms = tuple(_fold(head, rollout + fenced(_most(lines, most, ""), "diff")) for most in (200, 60, 15))
    return Block(4 if deletes_of(section) else 5, forms, "details")


def _also(found: Outline) -> Iterator[Block]:
    """What an apply after the merge would do too."""
    base = found.proposal.base.sha[:7]
    for part, weight, what in (
        (found.drift, 6, "drift that an apply would undo too"),
        (found.pending, 7, f"already pending on {base}"),
        (found.dropped, 7, f"pending on {base}, and not any more after the merge"),
    ):
        if part.steps:
            yield _list(part, weight, f"{what} ({counted(part.summary.hosts, 'host')})")


def _list(part: Plan, weight: int, what: str) -> Block:
    lines = [
        f"- {marks} {cell(s.service)} on {_where(s.hosts)}: {what}" for s in sections(part) for marks, what in [row(s)]
    ]
    return Block(weight, tuple(_fold(what, _most(lines, most)) for most in (50, 10, 0)), what.partition(" (")[0])


def _unplanned(found: Outline) -> Iterator[Block]:
    lines = [f"- {cell(_short(blocked_text(item, count), 400))}" for item, count in grouped(found.blocked)]
    lines += [f"- for now: {cell(_short(note.message, 400))}" for note in found.proposal.notes]
    if lines:
        head = f"not planned, or not now ({len(lines):,})"
        yield Block(8, tuple(_fold(head, _most(lines, most)) for most in (50, 10, 0)), "what is not planned")


def _footer(found: Outline) -> str:
    proposal = found.proposal
    evidence = evidence_line(proposal.evidence)
    said = [evidence[0].upper() + evidence[1:]]
    if proposal.effect:
        said.append(f"plan {code(proposal.effect[:16])}")
    said.append(f"{code(proposal.head.sha[:7])} into {code(proposal.base.sha[:7])}")
    commands = [printable(_short(proposal.command, _HINT))] if proposal.command else []
    if proposal.effect and found.proposal.plan.summary.changes:
        commands.append(f"reconciler apply --expect {proposal.effect[:16]}   # after the merge: just this, or nothing")
    return " · ".join(said) + ("\n\n" + fenced("\n".join(commands)) if commands else "")


def _fold(head: str, body: str) -> str:
    return f"<details><summary>{head}</summary>\n\n{body}\n\n</details>" if body else f"- {head}"


def _most(lines: Sequence[str], most: int, mark: str = "- ") -> str:
    """The first lines, and how many there are beside them."""
    shown = list(lines[:most]) if most else []
    if most and len(lines) > most:
        shown.append(f"{mark}… {len(lines) - most:,} more")
    return "\n".join(shown)


def _where(hosts: Sequence[str]) -> str:
    return cell(hosts[0]) if len(hosts) == 1 else f"{counted(len(hosts), 'host')} ({cell(names(hosts))})"


def _short(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
