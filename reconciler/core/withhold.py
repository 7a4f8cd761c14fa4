"""What keeps a plan from running by the clock or an operator's order: pause, freezes, windows. A part of the gate.

Must not know limits, nor how an order is given.
"""

from __future__ import annotations

from datetime import datetime

from reconciler.core.gate import Refusal
from reconciler.core.timetable import Closed, Timetable, paused
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def withheld(plan: Plan, desired: Desired, timetable: Timetable, now: datetime) -> list[Refusal]:
    """A refusal for each reason, with the services that it holds up."""
    if not plan.steps:
        return []
    if timetable.orders.pause is not None:
        everything = list(dict.fromkeys(step.service for step in plan.steps))
        return [_refusal(paused(timetable.orders.pause), everything, "go on: reconciler resume")]
    held: dict[Closed, list[str]] = {}
    for service in dict.fromkeys(step.service for step in plan.steps):
        project = desired.services[service].project if service in desired.services else ""
        if closed := timetable.closed(service, project, now):
            held.setdefault(closed, []).append(service)
    return [_refusal(closed, services, _way_out(closed, services)) for closed, services in held.items()]


def _way_out(closed: Closed, services: list[str]) -> str:
    wait = f"wait until {closed.until:%Y-%m-%d %H:%M} UTC" if closed.until else "wait until it is lifted"
    return f"{wait}, or leave it out: " + " ".join(f"--exclude service:{service}" for service in services[:5])


def _refusal(closed: Closed, services: list[str], hint: str) -> Refusal:
    shown = ", ".join(services[:5]) + (f" and {len(services) - 5} more" if len(services) > 5 else "")
    message = f"{shown}: {closed.reason}"
    return Refusal(closed.by, 0, len(services), message, f'{hint}; or say why it must be now: --override "reason"')
