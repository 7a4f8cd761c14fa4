"""How things stand, on one screen: for the terminal, as Markdown, and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from reconciler.core.explain.markdown import cell
from reconciler.core.explain.plan_text import pinned_text, until_text
from reconciler.core.explain.silence import Silence
from reconciler.core.explain.status import Outlook, Revision, Rollout, ServiceStatus, Status
from reconciler.core.gate.timetable import Timetable, in_force, next_edges, open_until
from reconciler.core.instant import to_text
from reconciler.core.words import Line, Style, ago, counted, names, printable, since
from reconciler.model.lease import Lease
from reconciler.model.order import Order
from reconciler.model.run import Run

SHOWN = 12
"""Services on the screen; the others are counted."""
RUNS = 3
_STYLES: dict[str, Style] = {"halted": "warn", "rolling out": "bold"}
_NOT_KNOWN = "so nobody knows what hosts said, what was applied, and what else was ordered; nothing is begun without it"


def status_text(status: Status, now: datetime) -> Iterator[Line]:
    """The answer first; then what needs somebody, what is under way, and what was done."""
    yield _head(status, now)
    yield from _restraints(status, now)
    if status.away:
        yield Line(f"store        {printable(status.away)}", "warn")
        yield Line(f"             {_NOT_KNOWN}", "warn")
    yield from _git(status, now)
    if status.outlook is not None:
        yield from _fleet(status.outlook, now)
    if windows := "; ".join(_windows(status.timetable, now)):
        yield Line(f"windows      {windows}")
    if status.outlook is not None:
        yield from _services(status.outlook)
    yield from _attempts(status, now)
    if status.away:
        return
    yield Line("")
    for run in status.runs[:RUNS]:
        yield Line(f"  {_run(run, now)}", "bold" if run.status == "running" else "dim")
    if not status.runs:
        yield Line("Nothing was applied yet.", "dim")


def _head(status: Status, now: datetime) -> Line:
    mark, words, style = _verdict(status)
    return Line(f"{mark} {words}   {_led(status, now)}", style)


def _verdict(status: Status) -> tuple[str, str, Style]:
    if status.pause:
        return "▮", "paused", "warn"
    if any(run.status == "running" for run in status.runs):
        return "●", "applying", "bold"
    outlook = status.outlook
    if outlook is None:
        return "▲", "not known", "warn"
    if outlook.halted:
        return "▲", "halted", "warn"
    if outlook.refused:
        return "▲", "held by a limit", "warn"
    states = {service.state for service in outlook.services}
    if states & {"pending", "drift"}:
        return "◆", "not as Git says", "bold"
    return ("◇", "partly unknown", "bold") if states else ("●", "as Git says", "bold")


def _led(status: Status, now: datetime) -> str:
    if status.away:
        return "the store can't be asked"
    if (lead := status.lead) is None:
        return "no daemon leads"
    over = lead.expires_at is not None and lead.expires_at <= now
    led = "the daemon that led last is gone" if over else "led by the daemon"
    return f"{led}: {printable(lead.owner)}, epoch {lead.epoch}, {ago(lead.since, now)}"


def _restraints(status: Status, now: datetime) -> Iterator[Line]:
    if status.pause:
        yield Line(f"paused by {_given(status.pause, now)}", "warn")
    for order in status.orders.freezes:
        what = printable(order.subject) or "everything"
        yield Line(f"{what} is frozen{until_text(order)} by {_given(order, now)}", "warn")
    for pin in status.orders.pins.values():
        yield Line(f"{pinned_text(pin)}, by {printable(pin.who)} {ago(pin.at, now)}", "warn")
    for freeze in status.timetable.freezes:
        if in_force(freeze, now):
            until = f" until {_at(freeze.until)}" if freeze.until else ""
            yield Line(printable(f"{freeze.reach} is frozen{until} by {freeze.origin}: {freeze.reason}"), "warn")


def _given(order: Order, now: datetime) -> str:
    return f"{printable(order.who)} {ago(order.at, now)}: {printable(order.why)}"


def _git(status: Status, now: datetime) -> Iterator[Line]:
    if status.trouble:
        yield Line(f"Git          {printable(status.trouble)}", "warn")
    if git := status.revision:
        broken = f" · {counted(git.problems, 'problem')} (reconciler validate)" if git.problems else ""
        subject = printable(git.subject)
        yield Line(f"revision     {git.sha[:7]} “{subject}”, committed {ago(git.committed_at, now)}{broken}")


def _fleet(outlook: Outlook, now: datetime) -> Iterator[Line]:
    """How hosts are, and what is near its limit."""
    coverage, quiet = outlook.coverage, outlook.silence
    answered = coverage.asked - coverage.missing
    share = answered / coverage.asked if coverage.asked else 1.0
    oldest = f", oldest answer {ago(outlook.oldest, now)}" if outlook.oldest else ""
    yield Line(f"hosts        {answered:,} of {counted(coverage.asked, 'host')} answered ({share:.1%}){oldest}")
    if quiet.hosts:
        yield Line(f"unreachable  {_silent(quiet, now)}", "warn")
    drift = outlook.drift
    if drift.things:
        on = f"{counted(drift.things, 'thing')} on {counted(drift.hosts, 'host')}"
        yield Line(f"drift        {on}, the oldest {since(drift.since, now)}   reconciler drift")
    near = "; ".join(figure.words for figure in outlook.near)
    yield Line(f"limits       {near or 'none is near'}", "warn" if near else "")
    for refusal in outlook.refused:
        yield Line(f"refused      {printable(refusal.message)}", "warn")
    if outlook.refused:
        yield Line(f'             reconciler approve {outlook.plan[:8]} --reason "…"', "warn")
    halted = ", ".join(f"{printable(name)} by run {run}" for name, run in sorted(outlook.halted.items()))
    closed = f"halted {halted}: not tried again at this revision" if halted else "closed"
    yield Line(f"breaker      {closed}", "warn" if halted else "")


def _silent(quiet: Silence, now: datetime) -> str:
    hosts = names(quiet.hosts) if len(quiet.hosts) <= 3 else counted(len(quiet.hosts), "host")
    reason, many = quiet.reasons[0]
    why = printable(reason) + (f" on {many:,}, other reasons on the rest" if many < len(quiet.hosts) else "")
    if quiet.never == len(quiet.hosts):
        when = ", never heard of"
    else:
        when = f", not heard of {since(quiet.since, now)}" if quiet.since else ""
    common = (
        f"; {quiet.share:,} of them have {printable(quiet.label)}, as {counted(quiet.having, 'host does', 'hosts do')}"
        if quiet.label
        else ""
    )
    return f"{hosts} ({why}){common}{when}"


def _windows(timetable: Timetable, now: datetime) -> Iterator[str]:
    for window in timetable.windows:
        name = printable(window.name)
        kind = "allows" if window.effect == "allow" else "denies"
        until = open_until(window, now)
        if until is not None:
            yield f"{name} {kind} until {_at(until)}"
        elif edge := min(next_edges(window, now), default=None):
            yield f"{name} opens {_at(edge)}" if window.effect == "allow" else f"{name} {kind} from {_at(edge)}"


def _services(outlook: Outlook) -> Iterator[Line]:
    if outlook.services:
        yield Line("")
    shown = outlook.services[:SHOWN]
    width = max((len(printable(service.name)) for service in shown), default=0)
    for service in shown:
        yield Line(f"  {printable(service.name):<{width}}   {_service(service)}", _STYLES.get(service.state, "update"))
    if len(outlook.services) > SHOWN:
        yield Line(f"  … and {len(outlook.services) - SHOWN:,} more: --output json has all", "dim")
    if outlook.settled:
        verb = "service is" if outlook.settled == 1 else "services are"
        other = "other " if outlook.services else ""
        yield Line(f"  {outlook.settled:,} {other}{verb} in order", "dim")


def _service(service: ServiceStatus) -> str:
    parts = [_rollout(service.rollout)] if service.rollout else []
    if service.state == "halted":
        parts.append("halted by its failures")
    counts = (("pending", service.pending), ("drift", service.drift), ("unknown", service.unknown))
    said = ", ".join(f"{number:,} {word}" for word, number in counts if number)
    parts += [said] if said else []
    if not service.why and service.state in ("pending", "drift"):
        parts.append("due now")
    if service.why:
        parts.append(printable(service.why) + (f", until {_at(service.until)}" if service.until else ""))
    return " · ".join(parts)


def _rollout(rollout: Rollout) -> str:
    batch = f" {rollout.batch}/{rollout.batches}" if rollout.batches > 1 else ""
    budget = f" of {rollout.budget:,} that may" if rollout.budget is not None else ""
    return f"rolling out{batch} · {rollout.through:,}/{rollout.hosts:,} hosts · {rollout.failed:,} failed{budget}"


def _attempts(status: Status, now: datetime) -> Iterator[Line]:
    """What was tried by itself and failed, where the services above do not say it already."""
    told = {service.name for service in status.outlook.services if service.why} if status.outlook else set()
    for attempt in sorted((a for a in status.attempts if not a.ok and a.service not in told), key=lambda a: a.service):
        tried = f"attempt {attempt.tries} at {attempt.revision[:7]}, {ago(attempt.at, now)}"
        yield Line(f"{printable(attempt.service)}: {tried}: {printable(attempt.why) or 'failed'}", "warn")


def _run(run: Run, now: datetime) -> str:
    when = ago(run.finished_at, now) if run.finished_at else f"begun {ago(run.started_at, now)}"
    return f"run {run.id} {run.status} {when} by {printable(run.actor)}, revision {run.revision[:7]}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def status_markdown(status: Status, now: datetime) -> Iterator[str]:
    """The same as a list."""
    return (f"- {cell(' '.join(line.text.split()))}" for line in status_text(status, now) if line.text)


def status_document(status: Status) -> dict[str, Any]:
    """The same as one JSON document. `state` is the first words of the screen; `git` is null where Git can't be read,
    for the reason in `trouble`; `store_trouble` says why the store can't be asked. `outlook` needs both."""
    return {
        "format_version": 1,
        "state": _verdict(status)[1],
        "lead": _lease(status.lead) if status.lead else None,
        "applying": _lease(status.applies) if status.applies else None,
        "paused": _order(status.pause) if status.pause else None,
        "freezes": [_order(order) for order in status.orders.freezes],
        "pins": [_order(order) for order in status.orders.pins.values()],
        "attempts": [
            {
                "service": a.service,
                "revision": a.revision,
                "tries": a.tries,
                "at": to_text(a.at),
                "not_before": to_text(a.not_before),
                "ok": a.ok,
                "why": a.why,
            }
            for a in sorted(status.attempts, key=lambda a: a.service)
        ],
        "runs": [{"id": r.id, "status": r.status, "actor": r.actor, "revision": r.revision} for r in status.runs],
        "trouble": status.trouble,
        "store_trouble": status.away,
        "git": _git_document(status.revision) if status.revision else None,
        "outlook": _outlook(status.outlook) if status.outlook else None,
    }


def _git_document(git: Revision) -> dict[str, Any]:
    return {"revision": git.sha, "committed_at": to_text(git.committed_at), "problems": git.problems}


def _outlook(outlook: Outlook) -> dict[str, Any]:
    quiet = outlook.silence
    return {
        "hosts": outlook.fleet,
        "asked": outlook.coverage.asked,
        "missing": outlook.coverage.missing,
        "oldest_answer": _time(outlook.oldest),
        "unreachable": {
            "hosts": list(quiet.hosts),
            "reasons": dict(quiet.reasons),
            "label": quiet.label,
            "with_label": quiet.share,
            "hosts_with_label": quiet.having,
            "not_heard_since": _time(quiet.since),
        },
        "services": [_service_document(service) for service in outlook.services],
        "in_order": outlook.settled,
        "drift": {"things": outlook.drift.things, "hosts": outlook.drift.hosts, "since": _time(outlook.drift.since)},
        "limits": [{"limit": f.name, "words": f.words, "share": round(f.share, 4)} for f in outlook.figures],
        "halted": dict(outlook.halted),
        "refused": [{"limit": refusal.limit, "message": refusal.message} for refusal in outlook.refused],
        "plan": outlook.plan,
    }


def _service_document(service: ServiceStatus) -> dict[str, Any]:
    rollout = service.rollout
    names_of = ("run", "batch", "batches", "through", "hosts", "failed", "budget")
    return {
        "service": service.name,
        "owner": service.owner,
        "state": service.state,
        "pending": service.pending,
        "drift": service.drift,
        "unknown": service.unknown,
        "why": service.why,
        "until": _time(service.until),
        "rollout": {name: getattr(rollout, name) for name in names_of} if rollout else None,
    }


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "owner": lease.owner,
        "epoch": lease.epoch,
        "since": to_text(lease.since),
        "expires_at": _time(lease.expires_at),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "subject": order.subject,
        "revision": order.revision,
        "who": order.who,
        "why": order.why,
        "at": to_text(order.at),
        "until": _time(order.until),
    }


def _time(moment: datetime | None) -> str | None:
    return to_text(moment) if moment else None
