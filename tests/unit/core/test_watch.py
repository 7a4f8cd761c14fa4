"""Hosts under watch after a batch: time to come up, time to bake, and what one bad look means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.running.watch import Patience, Watch

BEGUN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def watched(bake: float, is_well: Callable[[float], bool], come_up: float = 60) -> tuple[Watch, list[float]]:
    """Watches one host that is well as a function of the seconds; answers the watch and when it was looked at."""
    watch = Watch.over(["h"], BEGUN, bake, Patience(come_up, 5))
    seconds, looks = 0.0, []
    while True:
        now = BEGUN + timedelta(seconds=seconds)
        due = watch.due(now)
        looks += [seconds for _ in due]
        watch.take({host: "" if is_well(seconds) else "503" for host in due}, now)
        pause = watch.pause(now)
        if pause is None:
            return watch, looks
        seconds += pause
        assert seconds < 10_000, "it never ends"


@pytest.mark.parametrize(
    ("bake", "is_well", "unhealthy", "until"),
    [
        (0, lambda s: True, False, 0),
        (0, lambda s: s >= 30, False, 30),
        (0, lambda s: False, True, 60),
        (0, lambda s: s >= 61, True, 60),
        (100, lambda s: True, False, 100),
        (100, lambda s: s < 50, True, 55),
        (100, lambda s: s != 50, False, 100),
        (100, lambda s: s < 100, True, 105),
    ],
)
def test_a_host(bake: float, is_well: Callable[[float], bool], unhealthy: bool, until: float) -> None:
    watch, looks = watched(bake, is_well)
    assert (dict(watch.unhealthy), looks[-1]) == ({"h": "503"} if unhealthy else {}, until)


def test_a_long_bake_takes_a_bounded_number_of_looks() -> None:
    _, looks = watched(86_400 / 10, lambda s: True)
    assert len(looks) == 21


def test_without_patience_the_first_look_counts() -> None:
    watch, looks = watched(0, lambda s: False, come_up=0)
    assert (list(watch.unhealthy), looks) == (["h"], [0])


def test_nobody_is_waited_for_when_all_are_given_up() -> None:
    watch, looks = watched(3_600, lambda s: False)
    assert (list(watch.unhealthy), looks[-1]) == (["h"], 60)
