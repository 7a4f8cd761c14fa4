"""Whether changes may run now, and until when not: windows, freezes, and the operator's pause.

Pure: the time is an argument. A window's opening and its end are moments at which everything is looked at anew, so a
change that waited for them is not forgotten. Must not know plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim

from reconciler.model.calendar import Freeze, Reach, Window
from reconciler.model.order import NO_ORDERS, Order, Orders

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why something may not run now. `until` None: until somebody acts."""

    by: Literal["pause", "freeze", "window"]
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timetable:
    """All that restrains changes at one time: what Git says, and what operators ordered."""

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    orders: Orders = NO_ORDERS

    def closed(self, service: str, project: str, now: datetime) -> Closed | None:
        """Why the service may not be changed now; None if it may."""
        if self.orders.pause is not None:
            return paused(self.orders.pause)
        meant = [freeze for freeze in self._frozen() if freeze.reach.covers(service, project)]
        for freeze in meant:
            if in_force(freeze, now):
                return Closed("freeze", f"frozen by {freeze.name} ({freeze.origin}): {freeze.reason}", freeze.until)
        return _by_windows([w for w in self.windows if w.reach.covers(service, project)], now)

    def next_change(self, now: datetime) -> datetime | None:
        """The next moment at which something begins or ends."""
        return min((at for at in self._moments(now) if at > now), default=None)

    def _frozen(self) -> Iterator[Freeze]:
        yield from self.freezes
        yield from map(as_freeze, self.orders.freezes)

    def _moments(self, now: datetime) -> Iterator[datetime]:
        for window in self.windows:
            yield from next_edges(window, now)
        for freeze in self._frozen():
            yield from (at for at in (freeze.start, freeze.until) if at is not None)
        yield from (pin.until for pin in self.orders.pins.values() if pin.until is not None)
        if self.orders.pause and self.orders.pause.until:
            yield self.orders.pause.until


def paused(pause: Order) -> Closed:
    """What a pause means to everything."""
    return Closed("pause", f"paused by {pause.who} since {pause.at:%Y-%m-%d %H:%M} UTC: {pause.why}", pause.until)


def as_freeze(order: Order) -> Freeze:
    """A freeze that an operator ordered."""
    form, _, name = order.subject.partition(":")
    match form:
        case "service":
            reach = Reach(services=(name,))
        case "project":
            reach = Reach(projects=(name,))
        case _:
            reach = Reach()
    return Freeze(order.subject or "everything", order.why, reach, order.at, order.until, f"ordered by {order.who}")


def in_force(freeze: Freeze, now: datetime) -> bool:
    """Whether the freeze holds now. Its end belongs to it no more."""
    return (freeze.start is None or freeze.start <= now) and (freeze.until is None or now < freeze.until)


def open_until(window: Window, now: datetime) -> datetime | None:
    """When the window that is open now closes; None if it is shut. Its end belongs to it no more."""
    last = _opening(window, now.replace(microsecond=0) + _SECOND, reverse=True)
    if last is None or now >= last + window.duration:
        return None
    return last + window.duration


def next_edges(window: Window, now: datetime) -> Iterator[datetime]:
    """When it closes, if it is open, and when it opens next."""
    end, start = open_until(window, now), _opening(window, now)
    yield from (at for at in (end, start) if at is not None)


def _by_windows(windows: list[Window], now: datetime) -> Closed | None:
    """A deny window that is open wins; where there are allow windows one of them must be open."""
    ends = {window: open_until(window, now) for window in windows}
    for window, until in ends.items():
        if window.effect == "deny" and until:
            return Closed("window", f"inside of window {window.name} ({window.origin}), which denies changes", until)
    allowing = [window for window in windows if window.effect == "allow"]
    return None if any(ends[window] for window in allowing) else _waits_for(allowing, now)


def _waits_for(windows: list[Window], now: datetime) -> Closed | None:
    if not windows:
        return None
    openings = [(at, window) for window in windows if (at := _opening(window, now)) is not None]
    if not openings:
        return Closed("window", f"window {windows[0].name} ({windows[0].origin}) never opens again")
    at, window = min(openings, key=lambda pair: (pair[0], pair[1].name))
    return Closed("window", f"outside of window {window.name} ({window.origin})", at)


def _opening(window: Window, moment: datetime, *, reverse: bool = False) -> datetime | None:
    """The opening before or after a moment, in UTC; cron's own rules say what becomes of hours that a change of the
    clock skips or repeats."""
    found = next(CronSim(window.cron, moment.astimezone(ZoneInfo(window.zone)), reverse=reverse), None)
    return None if found is None else found.astimezone(UTC)
