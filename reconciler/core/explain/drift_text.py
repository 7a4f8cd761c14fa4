"""Drift for the terminal, as Markdown and as JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from reconciler.core.assessing.drift import Drifted
from reconciler.core.explain.markdown import cell
from reconciler.core.explain.outline import added_removed, grouped
from reconciler.core.explain.past_text import past_text
from reconciler.core.explain.plan_text import DIFF_SHOWN, blocked_text
from reconciler.core.quote import SENSITIVE
from reconciler.core.recording.past import Past, on_hosts, past
from reconciler.core.words import Line, counted, names, printable, since, value, where
from reconciler.model.desired import Desired
from reconciler.model.episode import Episode, Thing
from reconciler.model.plan import Blocked, FieldChange


@dataclass(frozen=True, slots=True, eq=False)
class Drifting:
    """What drifts, what is not known, and the history of things; `desired` says whose they are."""

    drift: Sequence[Drifted]
    blocked: Sequence[Blocked]
    desired: Desired
    episodes: Mapping[Thing, Sequence[Episode]] = dataclasses.field(default_factory=dict)

    def past(self, item: Drifted) -> Past:
        """The history of the thing on just these hosts."""
        return past(on_hosts(self.episodes.get(Thing(item.service, item.key), ()), item.hosts))


def drift_text(drifting: Drifting, now: datetime) -> Iterator[Line]:
    """What drifts, where, since when, whose it is, and what to do."""
    drift, blocked, desired = drifting.drift, drifting.blocked, drifting.desired
    touched = {host for item in drift for host in item.hosts}
    silent = {host for item in blocked if item.key is None for host in item.hosts}
    fleet = counted(len(desired.hosts), "host")
    looked = f"{len(desired.hosts) - len(silent):,} of {fleet}" if silent else fleet
    if not drift:
        yield Line(f"Nothing drifts on {looked}.", "bold")
    else:
        verb = "thing drifts" if len(drift) == 1 else "things drift"
        yield Line(f"{len(drift):,} {verb} on {len(touched):,} of {fleet}.", "bold")
    widths = _widths(drift)
    for item in drift:
        yield Line("")
        owner = desired.services[item.service].owner
        whose = f"{item.service}, {owner}" if owner else item.service
        whose += "   Git changed it too" if item.pending else ""
        when = since(min((t for t in item.since.values() if t), default=None), now)
        name, hosts = printable(str(item.key)), where(item.hosts)
        yield Line(f"  {name:<{widths[0]}}   {hosts:<{widths[1]}}   {when}   {printable(whose)}", "update")
        yield from _fields(item)
        yield from (Line(f"      {words}", "warn") for words in past_text(drifting.past(item)))
    if blocked:
        yield Line("")
        yield Line("Not known", "warn")
        for blocking, count in grouped(tuple(blocked)):
            yield Line("  " + blocked_text(blocking, count))
    yield from _advice(drift)


def _widths(drift: Sequence[Drifted]) -> tuple[int, int]:
    """Columns for keys and for hosts, as far as they may be wide."""
    keys = max((len(printable(str(item.key))) for item in drift), default=0)
    hosts = max((len(where(item.hosts)) for item in drift), default=0)
    return min(keys, 48), min(hosts, 40)


def _advice(drift: Sequence[Drifted]) -> Iterator[Line]:
    if drift:
        yield Line("")
        # Healing leaves alone what is pending, and a resource is brought into order as a whole.
        only = "" if all(item.pending for item in drift) else " --heal"
        yield Line(f"Heal: reconciler apply{only}", "bold")
    # What somebody removed can't be kept by leaving fields alone.
    changed = next((item for item in drift if item.action == "update"), None)
    if changed:
        fields = ", ".join(sorted({f.path for f in changed.fields}))
        place = printable(f"{changed.place.path}:{changed.place.line}")
        yield Line(f"Keep: add `ignore: [{fields}]` to {printable(str(changed.key))} at {place}", "bold")


def _fields(item: Drifted) -> Iterator[Line]:
    if item.action != "update":
        yield Line("      it was removed from the host" if item.action == "create" else "      it came back", "dim")
        return
    column = max((len(f.path) for f in item.fields), default=0)
    for field in item.fields:
        yield Line(f"      {field.path:<{column}}   {_moved(field)}", "dim")
        for line in _turned(field.diff)[:DIFF_SHOWN]:
            if not line.startswith("@@"):
                yield Line(f"        {printable(line)}", "dim")
        if len(field.diff) > DIFF_SHOWN:
            yield Line(f"        … {counted(len(field.diff) - DIFF_SHOWN, 'more line')}", "dim")


def _moved(field: FieldChange) -> str:
    """What the host did to it. The plan shows what an apply would do: the other way round."""
    if field.sensitive:
        return SENSITIVE
    if field.diff:
        added, gone = added_removed(field.diff)
        return f"+{gone} −{added} lines"
    return f"{value(field.after)} → {value(field.before)}"


def _turned(diff: Sequence[str]) -> list[str]:
    """The other way round; in each place what is gone comes first again."""
    turned = [{"+": "-", "-": "+"}.get(line[:1], line[:1]) + line[1:] for line in diff]
    places = groupby(turned, key=lambda line: line.startswith(("+", "-")))
    return [line for differs, lines in places for line in (sorted(lines, key=_is_new) if differs else lines)]


def _is_new(line: str) -> bool:
    return line.startswith("+")


def drift_document(drifting: Drifting) -> dict[str, Any]:
    """Drift as one JSON document, an entry for each host and resource."""
    entries = [
        {
            "host": host,
            "kind": item.key.kind,
            "name": item.key.name,
            "service": item.service,
            "action": item.action,
            "fields": [
                {"path": f.path, "desired": f.after, "observed": f.before, "sensitive": f.sensitive}
                for f in item.fields
            ],
            "since": when.isoformat().replace("+00:00", "Z") if (when := item.since[host]) else None,
            "times": drifting.past(item).times,
        }
        for item in drifting.drift
        for host in item.hosts
    ]
    unknown = [
        {
            "hosts": list(b.hosts),
            "service": b.service,
            "kind": b.key.kind if b.key else "",
            "name": b.key.name if b.key else "",
            "reason": b.reason,
            "message": b.message,
        }
        for b in drifting.blocked
    ]
    return {
        "format_version": 1,
        "drifted": sorted(entries, key=lambda e: (e["host"], e["kind"], e["name"])),
        "unknown": unknown,
    }


def drift_markdown(drifting: Drifting) -> Iterator[str]:
    """A table of drift."""
    drift = drifting.drift
    if not drift:
        yield "**Nothing drifts.**"
    else:
        yield f"**{counted(len(drift), 'thing drifts', 'things drift')}.**"
        yield ""
        yield "| resource | hosts | what | service |"
        yield "| --- | --- | --- | --- |"
    for item in drift:
        what = {"create": "removed", "delete": "came back"}.get(item.action) or ", ".join(map(_said, item.fields))
        yield f"| {cell(str(item.key))} | {cell(names(item.hosts))} | {what} | {cell(item.service)} |"
    for item in drift:
        yield from (f"- {cell(str(item.key))}: {cell(words)}" for words in past_text(drifting.past(item)))
    for blocking in drifting.blocked:
        yield f"- not known: {cell(blocked_text(blocking))}"


def _said(field: FieldChange) -> str:
    return f"{cell(field.path)}: {cell(_moved(field))}"
