"""Whose turn it is: each at its own time, first what just changed, fair by project, and work that follows turns."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from reconciler.core.serving.rota import SHARE, TOGETHER, Place, Rota

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)


def rota(hosts: dict[str, Place], seed: int = 0) -> Rota:
    made = Rota(HALF, Random(seed).random)
    made.keep(hosts, NOW)
    return made


def asked(found: Rota, now: datetime, limit: int = 1000) -> list[str]:
    hosts = found.due(now, limit)
    for host in hosts:
        found.answered(host, now, reached=True)
    return hosts


def test_new_hosts_come_at_once_and_others_when_their_interval_is_over():
    found = rota({"new": Place("", None), "old": Place("", NOW - 2 * HALF), "lately": Place("", NOW)})
    assert sorted(asked(found, NOW)) == ["new", "old"]
    assert asked(found, NOW + HALF * (1 - SHARE) - timedelta(seconds=1)) == []
    assert asked(found, NOW + HALF * (1 + SHARE)) != []


def test_hosts_that_are_asked_together_drift_apart():
    found = rota({f"h{n}": Place("", None) for n in range(100)})
    asked(found, NOW)
    minutes = Counter[int]()
    for minute in range(20, 40):
        minutes[minute] = len(asked(found, NOW + timedelta(minutes=minute)))
    assert sum(minutes.values()) == 100
    assert max(minutes.values()) < 40


def test_in_many_days_every_host_is_asked_at_its_cadence():
    found = rota({f"h{n}": Place("", None) for n in range(20)})
    times: Counter[str] = Counter()
    for minute in range(0, 100 * 24 * 60, 5):
        times.update(asked(found, NOW + timedelta(minutes=minute)))
    # Every 30 minutes, looked at every 5: 27 to 38.
    assert all(100 * 24 * 60 / 38 <= count <= 100 * 24 * 60 / 27 for count in times.values())
    assert len(times) == 20


def test_a_project_with_very_many_hosts_does_not_keep_others_waiting():
    big = {f"big-{n}": Place("big", None) for n in range(1000)}
    found = rota(big | {f"small-{n}": Place("small", None) for n in range(5)})
    first = asked(found, NOW, limit=10)
    assert Counter(host.split("-")[0] for host in first) == {"big": 5, "small": 5}
    assert found.waiting == 995
    assert len(asked(found, NOW, limit=2000)) == 995


def test_what_just_changed_comes_before_all_others():
    found = rota({f"h{n}": Place("", None) for n in range(100)})
    found.due(NOW, 0)
    found.soon({"h77"}, NOW)
    assert asked(found, NOW, limit=1) == ["h77"]
    found.soon({"h77"}, NOW + timedelta(minutes=1))
    assert "h77" in asked(found, NOW + timedelta(minutes=1), limit=1)


def test_turns_that_come_one_after_another_are_put_together():
    """A fleet of some hundreds would else be asked host by host, each in a visit of its own."""
    hosts = {f"h{n}": Place("", NOW - timedelta(seconds=n)) for n in range(600)}
    found = rota(hosts)
    moments = Counter[datetime]()
    now = NOW
    while now < NOW + 2 * HALF:
        moments[now] += len(asked(found, now))
        assert found.next_at is not None
        assert found.next_at > now
        now = found.next_at
    assert moments.total() >= 600
    assert len(moments) <= 2 * TOGETHER + 1


def test_who_does_not_answer_is_asked_less_and_less_but_never_less_than_others():
    found = rota({"a": Place("", None)})
    gaps, now = [], NOW
    for _ in range(12):
        assert found.due(now, 10) == ["a"]
        found.answered("a", now, reached=False)
        following = found.next_at
        assert following is not None
        gaps.append((following - now).total_seconds())
        now = following
    assert gaps[0] <= 60
    assert gaps[:5] == sorted(gaps[:5])
    assert max(gaps) <= HALF.total_seconds() * (1 + SHARE)
    found.due(now, 10)
    found.answered("a", now, reached=True)
    assert found.next_at is not None
    assert found.next_at - now >= HALF * (1 - SHARE)


def test_who_is_never_answered_for_comes_again():
    found = rota({"a": Place("", None)})
    assert found.due(NOW, 10) == ["a"]
    assert found.due(NOW, 10) == []
    assert found.due(NOW + HALF, 10) == ["a"]


def test_hosts_that_left_are_forgotten():
    found = rota({"a": Place("", None), "b": Place("", None)})
    found.keep({"b": Place("x", None)}, NOW)
    found.answered("a", NOW, reached=True)
    assert found.due(NOW, 10) == ["b"]
    found.keep({}, NOW)
    assert (found.due(NOW + 10 * HALF, 10), found.next_at) == ([], None)
