"""What every store promises of the history of drift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.adapters.store import SqlStore
from reconciler.model.episode import Episode, FieldDrift, Manner, Thing
from reconciler.model.key import Key
from reconciler.model.run import RunOutcome
from tests.integration.store.store_helpers import planned

NOW = datetime(2026, 11, 23, 10, 2, 11, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = Key("sysctl", "vm.swappiness")
MANNER = Manner("update", (FieldDrift("value", 10, "60 \x1b[31m"), FieldDrift("groups", ["a"], None, True)))
EPISODE = Episode(Thing("base", KEY), MANNER, NOW, ("a", "b"))
Opened = Callable[[], SqlStore]


def written(store: SqlStore, *episodes: Episode) -> list[Episode]:
    assert store.note_drift(store.drifting()[0], episodes)
    return list(store.episodes(NOW - HOUR))


class TestEpisodes:
    def test_come_back_exactly_with_numbers(self, opened: Opened) -> None:
        over = replace(EPISODE, until=NOW + HOUR, ended="us", run=7, hosts=("c",))
        various = replace(EPISODE, manner=Manner("create", (), various=True))
        written(opened(), EPISODE, over, various)
        found = opened().episodes(NOW)
        assert [replace(each, id=0) for each in found] == [EPISODE, over, various]
        assert [each.id for each in found] == [1, 2, 3]
        assert [each.id for each in opened().drifting()[1]] == [1, 3]

    def test_those_that_ended_before_are_left_out_and_those_of_other_resources(self, opened: Opened) -> None:
        store = opened()
        other = replace(EPISODE, thing=Thing("base", Key("file", "/etc/motd")))
        written(store, EPISODE, other, replace(EPISODE, until=NOW, ended="host"))
        assert len(store.episodes(NOW)) == 3
        assert len(store.episodes(NOW + timedelta(seconds=1))) == 2
        assert [each.id for each in store.episodes(NOW, KEY)] == [1, 3]

    def test_one_with_a_number_is_replaced(self, opened: Opened) -> None:
        store = opened()
        [first] = written(store, EPISODE)
        ended = replace(first, hosts=("a",), until=NOW + HOUR, ended="git")
        rest = replace(first, hosts=("b",), id=0)
        assert written(store, ended, rest) == [ended, replace(rest, id=2)]

    def test_of_two_that_write_from_the_same_look_one_does(self, opened: Opened) -> None:
        one, other = opened(), opened()
        mark = one.drifting()[0]
        assert other.note_drift(mark, [EPISODE])
        assert not one.note_drift(mark, [EPISODE])
        assert len(one.episodes(NOW)) == 1
        again, [known] = one.drifting()
        assert one.note_drift(again, [replace(known, hosts=("a",))])
        assert not other.note_drift(again, [])

    def test_equal_sets_of_hosts_are_one_object(self, opened: Opened) -> None:
        first, second = written(opened(), EPISODE, replace(EPISODE, thing=Thing("edge", KEY)))
        assert first.hosts is second.hosts
        assert first.manner is second.manner


class TestHealing:
    def test_the_end_of_a_run_ends_what_it_has_changed(self, opened: Opened) -> None:
        store = opened()
        written(store, EPISODE, replace(EPISODE, thing=Thing("base", Key("file", "/etc/motd"))))
        with store.hold("apply") as held:
            run = store.begin_run(planned(), "ada", NOW, held.epoch)
            told = [
                RunOutcome("s", "p", "base", KEY, "update", "changed", "", ("a", "z")),
                RunOutcome("s", "p", "base", KEY, "update", "failed", "no", ("b",)),
                RunOutcome("s", "p", "base", Key("file", "/etc/motd"), "reload", "changed", "", ("a", "b")),
            ]
            store.record(run, told, [], [], [])
            assert all(each.until is None for each in store.episodes(NOW))
            store.end_run(run, "failed", NOW + HOUR)
        healed = [each for each in opened().episodes(NOW) if each.until]
        assert [(e.hosts, e.ended, e.run, e.until) for e in healed] == [(("a",), "us", run.id, NOW + HOUR)]
        assert sorted(each.hosts for each in store.drifting()[1]) == [("a", "b"), ("b",)]


class TestKeeping:
    def test_what_ended_is_forgotten_with_what_only_it_needed(self, opened: Opened) -> None:
        store = opened()
        old = replace(EPISODE, hosts=("gone",), until=NOW, ended="host")
        written(store, old, EPISODE)
        store.tidy(NOW + HOUR, 2 * HOUR)
        assert len(store.episodes(NOW)) == 2, "not old enough"
        store.tidy(NOW + 24 * HOUR, HOUR)
        assert [each.hosts for each in store.episodes(NOW - HOUR)] == [("a", "b")]
        assert (store.compact(), store.problems()) == (0, [])
