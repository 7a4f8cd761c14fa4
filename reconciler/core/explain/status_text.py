"""How things stand, for the terminal and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.explain.markdown import cell
from reconciler.core.explain.plan_text import pinned_text, until_text
from reconciler.core.instant import to_text
from reconciler.core.words import Line, ago, printable
from reconciler.model.attempt import Attempt
from reconciler.model.lease import Lease
from reconciler.model.order import Order, Orders
from reconciler.model.run import Run


@dataclass(frozen=True, slots=True)
class Status:
    """`brake` is the pause that needs no store; `lead` is the lease of the daemon that leads, or led last and died."""

    brake: Order | None
    orders: Orders
    attempts: tuple[Attempt, ...]
    runs: tuple[Run, ...]
    lead: Lease | None = None

    @property
    def pause(self) -> Order | None:
        return self.brake or self.orders.pause


def status_text(status: Status, now: datetime) -> Iterator[Line]:
    """Who leads, what holds things up, then what was done."""
    if status.lead is not None:
        over = status.lead.expires_at is not None and status.lead.expires_at <= now
        led = "the daemon that led last is gone" if over else "led by the daemon"
        yield Line(
            f"{led}: {printable(status.lead.owner)}, epoch {status.lead.epoch}, {ago(status.lead.since, now)}", "bold"
        )
    if status.pause:
        yield Line(f"paused by {_given(status.pause, now)}", "warn")
    for freeze in status.orders.freezes:
        what = printable(freeze.subject) or "everything"
        yield Line(f"{what} is frozen{until_text(freeze)} by {_given(freeze, now)}", "warn")
    for pin in status.orders.pins.values():
        yield Line(f"{pinned_text(pin)}, by {printable(pin.who)} {ago(pin.at, now)}", "warn")
    if not (status.pause or status.orders.freezes or status.orders.pins):
        yield Line("Nothing is paused, frozen or pinned by order.", "bold")
    failing = sorted((a for a in status.attempts if not a.ok), key=lambda a: a.service)
    for attempt in failing:
        tried = f"attempt {attempt.tries} at {attempt.revision[:7]}, {ago(attempt.at, now)}"
        yield Line(f"{printable(attempt.service)}: {tried}: {printable(attempt.why) or 'failed'}", "warn")
    for run in status.runs:
        finished = ago(run.finished_at, now) if run.finished_at else "now"
        by = f"by {printable(run.actor)}, revision {run.revision[:7]}"
        yield Line(f"run {run.id} {run.status} {finished} {by}", "dim")
    if not status.runs:
        yield Line("Nothing was applied yet.", "dim")


def _given(order: Order, now: datetime) -> str:
    return f"{printable(order.who)} {ago(order.at, now)}: {printable(order.why)}"


def status_markdown(status: Status, now: datetime) -> Iterator[str]:
    """The same as a list."""
    return (f"- {cell(line.text)}" for line in status_text(status, now))


def status_document(status: Status) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format_version": 1,
        "lead": _lead(status.lead) if status.lead else None,
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
    }


def _lead(lead: Lease) -> dict[str, Any]:
    return {
        "owner": lead.owner,
        "epoch": lead.epoch,
        "since": to_text(lead.since),
        "expires_at": to_text(lead.expires_at) if lead.expires_at else None,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "subject": order.subject,
        "revision": order.revision,
        "who": order.who,
        "why": order.why,
        "at": to_text(order.at),
        "until": to_text(order.until) if order.until else None,
    }
