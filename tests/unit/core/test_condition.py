"""What a daemon says of itself, and what of it counts as stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.serving.condition import Ages, Condition, ages, heard, staleness
from reconciler.model.observation import Head

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FINE = Condition("leader", NOW, polled_at=NOW, ages=Ages({0.5: 60.0, 1.0: 600.0}, 10))


def head(name: str, minutes: float | None, unreachable: str = "") -> Head:
    seen = None if minutes is None else NOW - timedelta(minutes=minutes)
    return Head(name, seen, "", unreachable, "", "", "", owned=False)


def test_ages_by_nearest_rank():
    found = ages(heard([head(f"h{n}", n) for n in range(1, 101)], 100), NOW)
    assert found.quantiles == {0.5: 50 * 60, 0.9: 90 * 60, 0.99: 99 * 60, 1.0: 100 * 60}
    assert ages(heard([head("a", 7)], 1), NOW).quantiles == dict.fromkeys((0.5, 0.9, 0.99, 1.0), 420)
    assert ages(heard([head("a", 7)], 1), NOW + timedelta(minutes=1)).quantiles[0.5] == 480


def test_hosts_that_never_answered_have_no_age_but_count():
    given = [head("a", None, "ssh: timed out"), head("b", None), head("c", 1, "ssh: timed out")]
    found = ages(heard(given, 4), NOW)
    assert (found.hosts, found.unknown, found.unreachable) == (4, 3, 2)
    assert ages(heard([], 0), NOW) == Ages()


def test_a_leader_that_is_up_to_date_and_a_standby_have_nothing_stale():
    assert staleness(FINE, NOW) == []
    assert staleness(Condition("standby", leader="another daemon is running"), NOW) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"role": "starting"}, "just started"),
        ({"error": "the store is damaged"}, "the store is damaged"),
        ({"at": NOW - timedelta(minutes=5)}, "the loop was last heard of 5 min ago"),
        ({"polled_at": None, "poll_error": "the remote is down"}, "Git was last looked at never: the remote is down"),
        ({"polled_at": NOW - timedelta(minutes=7)}, "Git was last looked at 7 min ago"),
        ({"ages": Ages({}, 3, 3)}, "no host has answered yet"),
        ({"ages": Ages({0.5: 7200.0}, 3)}, "half of the hosts were last heard of more than 120 min ago"),
    ],
)
def test_what_is_stale_is_said(changes, words):
    assert words in staleness(replace(FINE, **changes), NOW)[0]
