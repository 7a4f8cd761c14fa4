"""Windows, freezes and pauses against a clock that tests move; what every zone does to its clock included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reconciler.core.gate.timetable import Timetable, as_freeze, in_force, next_edges, open_until
from reconciler.model.calendar import Freeze, Reach, Window
from reconciler.model.order import Order, Orders

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def window(cron: str = "0 22 * * *", hours: float = 2, **more: Any) -> Window:
    return Window("w", more.pop("effect", "allow"), cron, timedelta(hours=hours), **more)


def at(hour: int, minute: int = 0, day: int = 23, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        (at(21, 59, second=59), None),
        (at(22), at(0, day=24)),
        (at(22, second=1), at(0, day=24)),
        (at(23, 59, second=59), at(0, day=24)),
        (at(0, day=24), None),
    ],
)
def test_a_window_is_open_from_its_time_until_its_end(moment, until):
    assert open_until(window(), moment) == until
    assert open_until(window(), moment.replace(microsecond=1)) == until


def test_its_zone_counts_and_its_length_is_real_time_when_the_clock_changes():
    berlin = window("30 1 * * *", 3, zone="Europe/Berlin")
    # On 2026-10-25 the hour from 2 to 3 comes twice there: three hours later it is only 3:30.
    opened = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    until = open_until(berlin, opened.astimezone(UTC))
    assert until is not None
    assert (until.astimezone(ZoneInfo("Europe/Berlin")).hour, until - opened.astimezone(UTC)) == (3, 3 * HOUR)


def test_a_time_that_the_clock_skips_still_opens_it():
    berlin = window("30 2 * * *", 1, zone="Europe/Berlin")
    day = [datetime(2026, 3, 29, tzinfo=UTC) + timedelta(minutes=n) for n in range(0, 24 * 60, 10)]
    assert any(open_until(berlin, moment) for moment in day)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_in_hundreds_of_days_each_edge_is_named_before_it_comes(zone):
    """Walked from edge to edge for a year: between two of them nothing changes, and at each something does."""
    given = window("15 1 * * *", 2, zone=zone)
    moment, opened, edges = at(12), 0, 0
    while edges < 730:
        following = min(next_edges(given, moment))
        assert following > moment
        middle = moment + (following - moment) / 2
        assert bool(open_until(given, middle)) == bool(open_until(given, moment))
        moment, edges = following, edges + 1
        opened += bool(open_until(given, moment))
    assert opened == 365


def test_windows_that_overlap_themselves_are_always_open():
    always = window("0 * * * *", 2)
    assert all(open_until(always, at(9, minute)) for minute in range(60))


class TestClosed:
    def closed(self, *windows: Window, service: str = "edge", project: str = "web", now: datetime = NOW) -> Any:
        return Timetable(tuple(windows)).closed(service, project, now)

    def test_without_any_window_everything_may_run(self):
        assert self.closed() is None

    def test_outside_of_an_allow_window_it_says_when_it_opens(self):
        closed = self.closed(window(origin="w.yaml:3:1"))
        assert (closed.by, closed.until) == ("window", at(22))
        assert "w.yaml:3:1" in closed.reason
        assert self.closed(window(), now=at(22)) is None

    def test_one_open_allow_window_of_several_is_enough_and_the_first_to_open_is_named(self):
        early, late = window("0 8 * * *"), window("0 22 * * *")
        assert self.closed(early, late) is None
        assert self.closed(early, late, now=at(12)).until == at(22)

    def test_a_deny_window_wins(self):
        closed = self.closed(window("0 8 * * *"), window("30 8 * * *", 1, effect="deny"))
        assert (closed.until, "denies" in closed.reason) == (at(9, 30), True)

    @pytest.mark.parametrize(
        ("reach", "meant"),
        [
            (Reach(), True),
            (Reach(services=("edge",)), True),
            (Reach(services=("other",)), False),
            (Reach(projects=("web",)), True),
            (Reach(services=("other",), projects=("web",)), True),
            (Reach(within="web"), True),
            (Reach(within="db"), False),
            (Reach(services=("edge",), within="db"), False),
        ],
    )
    def test_whom_it_is_for(self, reach, meant):
        assert bool(self.closed(window(reach=reach))) is meant


class TestFreezes:
    @pytest.mark.parametrize(
        ("start", "until", "holds"),
        [
            (None, None, True),
            (NOW, None, True),
            (NOW + HOUR, None, False),
            (None, NOW, False),
            (None, NOW + HOUR, True),
        ],
    )
    def test_from_its_start_until_its_end(self, start, until, holds):
        assert in_force(Freeze("f", "why", start=start, until=until), NOW) is holds

    @pytest.mark.parametrize(
        ("subject", "reach"),
        [("", Reach()), ("service:edge", Reach(services=("edge",))), ("project:web", Reach(projects=("web",)))],
    )
    def test_an_ordered_one_is_one_like_others(self, subject, reach):
        freeze = as_freeze(Order("freeze", "ada", "why", NOW, subject))
        assert (freeze.reach, freeze.origin) == (reach, "ordered by ada")

    def test_every_beginning_and_end_is_a_moment_to_look_again(self):
        orders = Orders(
            freezes=(Order("freeze", "ada", "why", NOW, "", NOW + 3 * HOUR),),
            pins={"edge": Order("pin", "ada", "why", NOW, "edge", NOW + HOUR, "r")},
        )
        table = Timetable((window(),), (Freeze("f", "why", start=NOW + 2 * HOUR),), orders)
        moments, now = [], NOW
        for _ in range(4):
            now = table.next_change(now)
            moments.append(now)
        assert moments == [NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR, at(22)]
        assert Timetable().next_change(NOW) is None
