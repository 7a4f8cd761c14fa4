"""What keeps a plan from running by the clock or an operator's order: pause, freezes, windows.

Must not know limits, nor how an order is given.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.refusal import Refusal
from reconciler.core.gate.timetable import Closed, paused
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def withheld(plan: Plan, desired: Desired, circumstances: Circumstances) -> Iterator[Refusal]:
    """A refusal for each reason, with the services that it holds up; none when somebody said why it must be now."""
    timetable, services = circumstances.timetable, list(dict.fromkeys(step.service for step in plan.steps))
    if not services or circumstances.allowance.override:
        return
    if timetable.orders.pause is not None:
        yield _refusal(paused(timetable.orders.pause), services, "go on: reconciler resume")
        return
    held: dict[Closed, list[str]] = {}
    for service in services:
        project = desired.services[service].project if service in desired.services else ""
        if closed := timetable.closed(service, project, circumstances.now):
            held.setdefault(closed, []).append(service)
    for closed, names in held.items():
        yield _refusal(closed, names, _way_out(closed, names))


def _way_out(closed: Closed, services: list[str]) -> str:
    wait = f"wait until {closed.until:%Y-%m-%d %H:%M} UTC" if closed.until else "wait until it is lifted"
    return f"{wait}, or leave it out: " + " ".join(f"--exclude service:{service}" for service in services[:5])


def _refusal(closed: Closed, services: list[str], hint: str) -> Refusal:
    shown = ", ".join(services[:5]) + (f" and {len(services) - 5} more" if len(services) > 5 else "")
    message = f"{shown}: {closed.reason}"
    return Refusal(closed.by, 0, len(services), message, f'{hint}; or say why it must be now: --override "reason"')
