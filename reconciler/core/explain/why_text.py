"""The explanation of one resource, for the terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from reconciler.core.assessing.due import Due
from reconciler.core.explain.markdown import cell
from reconciler.core.explain.past_text import past_text
from reconciler.core.explain.plan_text import blocked_text, pinned_text
from reconciler.core.explain.why import Ignored, Why
from reconciler.core.quote import SENSITIVE
from reconciler.core.resolving.values import Origin
from reconciler.core.words import Line, ago, printable, since, value
from reconciler.model.document import Selector
from reconciler.model.observation import Owned
from reconciler.model.state import Absent, Present, Unknown


def why_text(why: Why, now: datetime) -> Iterator[Line]:
    """The answer first, then what it rests on."""
    yield Line(_answer(why), "bold")
    if why.resource is not None and why.service is not None:
        owner = ", ".join(
            part for part in (f"service {why.service.name}", why.service.project, why.service.owner) if part
        )
        yield _row("asked for by", f"{why.resource.place} ({owner})")
        yield _row("selected by", f"{_selector(why.service.selector)}; {why.host} is at {why.host_place}")
        if why.pin:
            yield _row("pinned", pinned_text(why.pin))
        if why.values:
            yield _row("values", " · ".join(_origin(origin) for origin in why.values))
    yield _row("observed", f"{ago(why.observed_at, now)}: {_observed(why)}")
    if why.ignored:
        yield _row("ignored", "; ".join(_ignored(field) for field in why.ignored))
    if why.owned is not None:
        yield _row("last in order", _last(why.owned))
    if why.since:
        yield _row("changed there", "; ".join([since(why.since, now), *past_text(why.past)]))
    elif why.past.times:
        yield _row("drifted", "; ".join(past_text(why.past)))
    if why.waits:
        yield _row("waits for", " → ".join(why.waits))
    for blocked in why.blocked:
        yield _row("blocked", blocked_text(blocked))


def _last(owned: Owned) -> str:
    by = f"run {owned.run}, " if owned.run else "found so, "
    how = "we put it there" if owned.created else "it was there before us"
    return f"{owned.at:%Y-%m-%d %H:%M} UTC, {by}revision {owned.revision[:7]}; {how}"


def _row(title: str, text: str) -> Line:
    return Line(f"  {title:<14} {printable(text)}")


def _answer(why: Why) -> str:
    if why.blocked:
        return f"nothing is planned for {why.key} on {why.host}: {printable(why.blocked[0].message)}"
    if why.resource is None:
        what = "will be deleted: it left Git" if why.due else f"is let go, nothing is done to it: {why.released}"
        return f"{why.key} on {why.host} {what}"
    if not why.due:
        return f"{why.key} on {why.host} is as Git says"
    return f"{why.key} on {why.host}: " + "; ".join(_due(due) for due in why.due)


def _due(due: Due) -> str:
    change = due.change
    if change.action in ("restart", "reload"):
        return f"will {change.action}, because {change.because}"
    verb = {"create": "will be created", "delete": "will be deleted"}.get(change.action, "will change")
    pending = [f.path for f in change.fields if f.cause == "pending"]
    drift = [f.path for f in change.fields if f.cause == "drift"]
    reasons = []
    if pending:
        reasons.append(f"{', '.join(pending)}, because Git changed")
    if drift:
        reasons.append(f"{', '.join(drift)}, because somebody changed the host")
    return f"{verb}: {'; '.join(reasons)}" if reasons else verb


def _origin(origin: Origin) -> str:
    if origin.sensitive:
        over = ", ".join(f"that of {giver}" for giver, _ in origin.over)
        return f"{origin.name} {SENSITIVE} ({origin.giver}{f', over {over}' if over else ''})"
    over = ", ".join(f"{value(v)} of {giver}" for giver, v in origin.over)
    return f"{origin.name} {value(origin.value)} ({origin.giver}{f', over {over}' if over else ''})"


def _ignored(field: Ignored) -> str:
    if field.sensitive:
        return f"{field.path} {SENSITIVE}"
    return f"{field.path}: Git says {value(field.desired)}, the host has {value(field.observed)}"


def _selector(selector: Selector) -> str:
    parts = [f"{k}: {v}" for k, v in sorted(selector.match_labels.items())]
    parts += [f"{e.key} {e.operator} {', '.join(e.values)}".strip() for e in selector.match_expressions]
    return "hosts with {" + ", ".join(parts) + "}"


def _observed(why: Why) -> str:
    match why.observed:
        case Unknown(reason):
            return f"not known ({reason})"
        case Absent():
            return "absent"
        case Present(state):
            if state and why.sensitive.issuperset(state):
                return "present (sensitive values)"
            shown = ", ".join(
                f"{name} {SENSITIVE if name in why.sensitive else value(v)}" for name, v in sorted(state.items())
            )
            return f"present, {shown}" if shown else "present"


def why_markdown(why: Why, now: datetime) -> Iterator[str]:
    """The answer, then a list of what it rests on."""
    answer, *rows = why_text(why, now)
    yield f"**{cell(answer.text)}**"
    yield ""
    for row in rows:
        yield f"- {cell(' '.join(row.text.split()))}"


def why_document(why: Why) -> dict[str, Any]:
    """The explanation as one JSON document."""
    return {
        "format_version": 1,
        "host": why.host,
        "kind": why.key.kind,
        "name": why.key.name,
        "answer": _answer(why),
        "asked_for_by": _asked(why),
        "values": [
            {
                "name": o.name,
                "value": o.value,
                "giver": o.giver,
                "over": [{"giver": g, "value": v} for g, v in o.over],
                "sensitive": o.sensitive,
            }
            for o in why.values
        ],
        "observed": {"at": _time(why.observed_at), "state": _observed(why), "changed_at": _time(why.since)},
        "ignored": [
            {"path": f.path, "desired": f.desired, "observed": f.observed, "sensitive": f.sensitive}
            for f in why.ignored
        ],
        "last_in_order": _owned(why),
        "due": [
            {
                "action": d.change.action,
                "cause": d.change.cause,
                "because": d.change.because,
                "fields": [{"path": f.path, "cause": f.cause} for f in d.change.fields],
            }
            for d in why.due
        ],
        "waits_for": list(why.waits),
        "pinned": {"revision": why.pin.revision, "why": why.pin.why} if why.pin else None,
        "blocked": [{"reason": b.reason, "message": b.message} for b in why.blocked],
    }


def _asked(why: Why) -> dict[str, Any] | None:
    if why.resource is None or why.service is None:
        return None
    place = why.resource.place
    return {
        "service": why.service.name,
        "project": why.service.project,
        "owner": why.service.owner,
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "selector": _selector(why.service.selector),
        "host_document": str(why.host_place) if why.host_place else None,
    }


def _owned(why: Why) -> dict[str, Any] | None:
    if why.owned is None:
        return None
    owned = why.owned
    return {"at": _time(owned.at), "run": owned.run, "revision": owned.revision, "created": owned.created}


def _time(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None
