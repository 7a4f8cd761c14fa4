"""A plan for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from reconciler.core.explain.outline import (
    Part,
    Section,
    added_removed,
    grouped,
    last_line,
    order_line,
    rollout_line,
    sections,
)
from reconciler.core.gate import Refusal, warned
from reconciler.core.quote import SENSITIVE
from reconciler.core.words import MARKS, Line, Style, ago, counted, names, printable, value, where
from reconciler.model.desired import Desired
from reconciler.model.order import Order
from reconciler.model.plan import Blocked, Change, FieldChange, Plan

DIFF_SHOWN = 12
"""Lines of a text diff that are shown; the JSON plan has all of them."""
ROOM = 45
"""Lines for sections in full, where there are more than fit on two screens."""
BRIEF = 40
"""Sections that are told in a line each."""
CHANGES = 3
"""Changes that such a line names."""


def plan_text(plan: Plan, desired: Desired, refusals: Sequence[Refusal], subject: str, now: datetime) -> Iterator[Line]:
    """The plan, the answer last where the eye rests: what changes, what doesn't and why, limits, counts."""
    yield Line(_heading(plan, subject, now), "bold")
    yield from sections_text(list(sections(plan)), desired)
    yield from not_planned_text(plan.blocked, desired)
    yield from _releases(plan)
    if order := order_line(plan):
        yield Line("")
        yield Line(f"Order   {order}", "dim")
    for warning in warned(plan, desired):
        yield Line("")
        yield from warning_text(warning)
    for refusal in refusals:
        yield Line("")
        yield from refusal_text(refusal)
    if plan.incomplete:
        yield Line("")
        yield Line("This plan is limited by targets, excludes or --heal: more may be due.", "warn")
    yield Line("")
    yield Line(last_line(plan), "bold")


def refusal_text(refusal: Refusal) -> Iterator[Line]:
    """A broken limit: which, its value, the actual figure, what breaks it, how to go on."""
    yield Line(f"refused: {printable(refusal.message)}", "delete")
    for example in refusal.examples:
        yield Line(f"  {printable(example)}")
    for hint in refusal.hint.splitlines():
        yield Line(f"  {printable(hint)}", "bold")


def warning_text(warning: Refusal) -> Iterator[Line]:
    """What a policy tells of, and what it is about."""
    yield Line(f"warning: {printable(warning.message)}", "warn")
    for example in warning.examples:
        yield Line(f"  {printable(example)}")


def _heading(plan: Plan, subject: str, now: datetime) -> str:
    unreachable = sum(len(b.hosts) for b in plan.blocked if b.reason in ("unreachable", "not-observed"))
    seen = plan.fleet - unreachable
    observed = f"observed {seen:,} of {counted(plan.fleet, 'host')}"
    if plan.observed_at:
        observed += f", oldest {ago(plan.observed_at, now)}"
    return f"{plan.revision[:7]} “{printable(subject)}” · {observed}"


def sections_text(found: Sequence[Section], desired: Desired) -> Iterator[Line]:
    """Every section, in full as far as there is room: first those that Git changed, then those on the most hosts."""
    full = {section.service: list(_section(section, desired)) for section in found}
    room, brief = ROOM, set[str]()
    for section in sorted(found, key=lambda s: (_all_drift(s), -len(s.hosts), s.service)):
        size = len(full[section.service]) + 1
        if size <= room:
            room -= size
        else:
            brief.add(section.service)
    shown = dict.fromkeys([section.service for section in found if section.service in brief][:BRIEF])
    for position, section in enumerate(found):
        if section.service in shown:
            if position == 0 or found[position - 1].service not in brief:
                yield Line("")
            yield Line(section_in_brief(section))
        elif section.service not in brief:
            yield Line("")
            yield from full[section.service]
    if brief:
        more = f", {len(brief) - len(shown):,} of them not at all" if len(brief) > len(shown) else ""
        yield Line("")
        said = (
            f"{counted(len(brief), 'service')} told in brief{more}; all of one: reconciler plan --target service:NAME"
        )
        yield Line(said, "dim")


def section_in_brief(section: Section) -> str:
    """A section in a line: what changes, without values."""
    changes = dict.fromkeys(
        " ".join([MARKS[change.action], printable(str(change.key)), *(field.path for field in change.fields)])
        for part in section.parts
        for change in part.example.changes
    )
    said = list(changes)[:CHANGES]
    more = f" · {len(changes) - CHANGES} more" if len(changes) > CHANGES else ""
    note = "   drift" if _all_drift(section) else ""
    return f"{section.service} · {counted(len(section.hosts), 'host')}   {' · '.join(said)}{more}{note}"


def _all_drift(section: Section) -> bool:
    return all(part.drift for part in section.parts)


def _section(section: Section, desired: Desired) -> Iterator[Line]:
    gone = "" if section.service in desired.services else "   left Git"
    drift = "   drift: somebody changed the host" if _all_drift(section) else ""
    hosts = where(section.hosts) if len(section.parts) == 1 else counted(len(section.hosts), "host")
    if section.domains > 1 and section.terms is not None:
        hosts += f" in {counted(section.domains, section.terms.domain)}"
    rollout = f" · {printable(line)}" if (line := rollout_line(section)) else ""
    yield Line(f"{section.service} · {hosts}{rollout}{gone}{drift}", "bold")
    if pin := desired.pins.get(section.service):
        yield Line(f"  {pinned_text(pin)}", "warn")
    for part in section.parts:
        if len(section.parts) > 1:
            note = "   drift: somebody changed the host" if part.drift and not drift else ""
            yield Line(f"  on {where(part.hosts)}{note}", "bold")
        yield from part_text(part)


def part_text(part: Part) -> Iterator[Line]:
    """The changes that the part's hosts get, values shown for the first of them."""
    width = max(len(str(change.key)) for change in part.example.changes)
    for index, change in enumerate(part.example.changes):
        varying = {path for position, path in part.varying if position == index}
        yield from _change(change, min(width, 48), varying, mixed=not part.drift)
    if part.varying:
        yield Line(f"      values differ between hosts; shown for {part.hosts[0]}", "dim")
    ordinary = [printable(str(change.key)) for change in part.example.changes if change.ordinary]
    if ordinary:
        yield Line(f"      ordinary Ansible tasks, each with round trips of its own: {names(ordinary)}", "dim")


def _change(change: Change, width: int, varying: set[str], *, mixed: bool) -> Iterator[Line]:
    style: Style = "restart" if change.action == "reload" else change.action
    head = f"  {MARKS[change.action]} {printable(str(change.key)):<{width}}"
    indent = " " * (width + 4)
    notes = _notes(change)
    shown = [f for f in change.fields if change.action != "delete"]
    if not shown:
        yield Line(f"{head}   {notes}".rstrip(), style)
        return
    column = max(len(f.path) for f in shown)
    for position, field in enumerate(shown):
        lead = head if position == 0 else indent
        drift = "   (drift)" if mixed and field.cause == "drift" else ""
        differs = "   (differs)" if field.path in varying else ""
        yield Line(f"{lead}   {field.path:<{column}}   {_values(field, change)}{drift}{differs}", style)
        yield from _diff(field, indent)
    if notes:
        yield Line(f"{indent}   {notes}", "dim")


def _notes(change: Change) -> str:
    if change.action in ("restart", "reload"):
        return f"{change.action}, because {printable(change.because)}"
    return printable(change.because)


def _values(field: FieldChange, change: Change) -> str:
    if field.sensitive:
        return SENSITIVE
    if field.diff:
        added, gone = added_removed(field.diff)
        return f"+{added} −{gone} lines" if change.action == "update" else counted(added, "line")
    if change.action == "create":
        return value(field.after)
    return f"{value(field.before)} → {value(field.after)}"


def _diff(field: FieldChange, indent: str) -> Iterator[Line]:
    for line in field.diff[:DIFF_SHOWN]:
        style: Style = "create" if line.startswith("+") else "delete" if line.startswith("-") else "dim"
        if not line.startswith("@@"):
            yield Line(f"{indent}     {printable(line)}", style)
    if len(field.diff) > DIFF_SHOWN:
        yield Line(f"{indent}     … {counted(len(field.diff) - DIFF_SHOWN, 'more line')}", "dim")


def not_planned_text(blocked: tuple[Blocked, ...], desired: Desired) -> Iterator[Line]:
    """What is not planned, and why."""
    if not blocked:
        return
    yield Line("")
    yield Line("Not planned", "warn")
    for item, count in grouped(blocked):
        ask = f"   reconciler why {item.hosts[0]} {printable(str(item.key))}" if item.key and item.hosts else ""
        yield Line("  " + blocked_text(item, count) + ask)
    broken = [p for p in desired.problems if p.severity == "error"]
    if broken:
        yield Line(f"  {counted(len(broken), 'problem')} in the repository: reconciler validate", "dim")


def pinned_text(pin: Order) -> str:
    """`edge is pinned to 1a2b3c4 until …: why`."""
    return f"{printable(pin.subject)} is pinned to {pin.revision[:7]}{until_text(pin)}: {printable(pin.why)}"


def until_text(order: Order) -> str:
    """When an order ends, if it does by itself."""
    return f" until {order.until:%Y-%m-%d %H:%M} UTC" if order.until else ""


def blocked_text(item: Blocked, count: int = 1) -> str:
    """One reason why something is not planned."""
    message = printable(item.message)
    if item.reason == "unreachable":
        return f"{where(item.hosts)} can't be reached: {message}"
    if item.reason == "not-observed":
        return f"nothing is known of {where(item.hosts)} yet"
    more = f" and {count - 1:,} more" if count > 1 else ""
    what = f"{printable(str(item.key))}{more}" if item.key is not None else ""
    on = f"on {where(item.hosts)}" if item.hosts else ""
    about = " ".join(part for part in (what, on) if part)
    return ": ".join(part for part in (item.service, about, message) if part)


def _releases(plan: Plan) -> Iterator[Line]:
    if not plan.releases:
        return
    yield Line("")
    yield Line("Released: no longer looked after, nothing is done to them", "dim")
    by_reason: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for release in plan.releases:
        by_reason.setdefault((release.service, release.reason, release.hosts), []).append(printable(str(release.key)))
    for (service, reason, hosts), keys in by_reason.items():
        yield Line(f"  {service}: {names(keys)} on {names(hosts)}: {reason}", "dim")
