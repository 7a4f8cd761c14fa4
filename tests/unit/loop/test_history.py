"""The history of drift over a simulated fleet: when it begins, goes on and ends, what ended it, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from reconciler.core.recording import history
from reconciler.core.recording.past import pasts
from reconciler.loop import reconcile
from reconciler.loop.observe import Freshness
from reconciler.loop.reconcile import Request, plan
from reconciler.model.episode import Episode
from tests.fakes.daemon import Simulation, state
from tests.fakes.fleet import START, Fleet, fleet

HOSTS = {f"web-{n}": {"role": "web"} for n in range(1, 5)}
MOTD = {"file": "/etc/motd", "content": "hello\n", "mode": "0644"}
SWAP = {"sysctl": "vm.swappiness", "value": "10"}
BASE = {"resources": [MOTD, SWAP], "owner": "team-infra"}
NEVER = START - timedelta(days=400)


@pytest.fixture
def calm() -> Iterator[Fleet]:
    """Four hosts, all in order and known to be."""
    with fleet({"hosts": HOSTS, "services": {"base": BASE}}) as world:
        world.apply()
        world.plan()
        yield world


def swap(world: Fleet, value: str, *hosts: str) -> None:
    for host in hosts:
        world.machine(host).kernel["vm.swappiness"] = value


def look(world: Fleet, minutes: int = 30) -> list[tuple[Any, ...]]:
    """A plan some time later; then all episodes in short."""
    world.clock.pass_by(minutes)
    world.plan()
    return told(world)


def told(world: Fleet) -> list[tuple[Any, ...]]:
    return [short(episode) for episode in world.store.episodes(NEVER)]


def short(episode: Episode) -> tuple[Any, ...]:
    values = [(f.path, f.desired, f.observed) for f in episode.manner.fields]
    return (str(episode.thing.key), values, "".join(host[-1] for host in episode.hosts), episode.ended)


def minute(moment: Any) -> int:
    return int((moment - START).total_seconds() // 60)


TO_60 = [("value", "10", "60")]


class TestBeginning:
    def test_hosts_that_drift_alike_are_one_episode(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1", "web-3")
        assert look(calm) == [("sysctl/vm.swappiness", TO_60, "13", None)]
        assert look(calm) == [("sysctl/vm.swappiness", TO_60, "13", None)]

    def test_it_begins_when_a_host_was_first_seen_so(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        calm.clock.pass_by(5)
        calm.plan()
        began = calm.clock.time
        look(calm, 60)
        assert [episode.since for episode in calm.store.episodes(NEVER)] == [began]

    def test_what_comes_minutes_later_joins_and_what_comes_later_does_not(self, calm: Fleet) -> None:
        calm.clock.time = START + timedelta(hours=1)
        swap(calm, "60", "web-1")
        look(calm, 1)
        swap(calm, "60", "web-2")
        assert look(calm, 2) == [("sysctl/vm.swappiness", TO_60, "12", None)]
        swap(calm, "60", "web-3")
        assert [episode[2] for episode in look(calm, 20)] == ["12", "3"]

    def test_pending_changes_are_no_drift(self, calm: Fleet) -> None:
        calm.commit({"services": {"base": {**BASE, "resources": [MOTD, {**SWAP, "value": "20"}]}}})
        assert look(calm) == []

    def test_a_service_that_does_not_want_to_know_has_no_history(self, calm: Fleet) -> None:
        calm.commit({"services": {"base": {**BASE, "heal": "off"}}})
        swap(calm, "60", "web-1")
        assert look(calm) == []

    def test_another_revision_that_somebody_looks_at_leaves_no_trace(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        reconcile.plan(calm.world, Request(aside=True))
        assert told(calm) == []
        reconcile.plan(calm.world, Request(freshness=Freshness(None)))
        assert told(calm) == [], "who asks nobody writes nothing"


class TestGoingOn:
    def test_another_value_is_the_same_episode(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1", "web-2")
        look(calm)
        swap(calm, "70", "web-2")
        assert look(calm) == [
            ("sysctl/vm.swappiness", TO_60, "1", None),
            ("sysctl/vm.swappiness", [("value", "10", "70")], "2", None),
        ]
        assert len({episode.since for episode in calm.store.episodes(NEVER)}) == 1

    def test_a_host_that_can_not_be_reached_is_not_healed(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1", "web-2")
        before = look(calm)
        calm.carrier.unreachable["web-1"] = "ssh: timed out"
        assert look(calm) == before
        del calm.carrier.unreachable["web-1"]
        assert look(calm) == before

    def test_nor_is_one_on_which_the_resource_can_not_be_asked(self, calm: Fleet) -> None:
        from reconciler.model.key import Key

        swap(calm, "60", "web-1")
        before = look(calm)
        calm.machine("web-1").unreadable.add(Key("sysctl", "vm.swappiness"))
        assert look(calm) == before

    def test_nor_one_whose_service_is_held(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        before = look(calm)
        calm.commit({"files": {"services/base.yaml": "kind: Service\n  broken"}})
        assert look(calm) == before

    def test_values_of_the_hosts_own_are_told_together(self, calm: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "VALUES", 2)
        for n in range(1, 5):
            swap(calm, f"6{n}", f"web-{n}")
        assert look(calm) == [("sysctl/vm.swappiness", [("value", None, None)], "1234", None)]
        swap(calm, "77", "web-1")
        calm.apply(calm.plan())  # heals all
        swap(calm, "1", "web-1")
        swap(calm, "2", "web-2")
        assert [each[2:] for each in look(calm)] == [("1234", "us"), ("1", None), ("2", None)]


class TestEnding:
    def test_a_run_heals_and_its_number_is_kept(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        look(calm)
        run = calm.apply()
        [episode] = calm.store.episodes(NEVER)
        assert (episode.ended, episode.run, episode.until) == ("us", run.id, run.finished_at)
        assert look(calm) == [("sysctl/vm.swappiness", TO_60, "1", "us")]

    def test_drift_that_only_an_apply_has_seen_is_kept_too(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        calm.apply()
        assert told(calm) == [("sysctl/vm.swappiness", TO_60, "1", "us")]

    def test_a_change_that_fails_heals_nothing(self, calm: Fleet) -> None:
        from reconciler.model.key import Key

        swap(calm, "60", "web-1", "web-2")
        calm.machine("web-1").failing.add(Key("sysctl", "vm.swappiness"))
        calm.apply()
        assert {(each[2], each[3]) for each in told(calm)} == {("1", None), ("2", "us")}

    def test_somebody_puts_it_back(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1", "web-2")
        look(calm)
        swap(calm, "10", "web-2")
        assert look(calm) == [
            ("sysctl/vm.swappiness", TO_60, "1", None),
            ("sysctl/vm.swappiness", TO_60, "2", "host"),
        ]

    def test_git_asks_for_what_is_there(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        look(calm)
        calm.commit({"services": {"base": {**BASE, "resources": [MOTD, {**SWAP, "value": "60"}]}}})
        assert look(calm) == [("sysctl/vm.swappiness", TO_60, "1", "git")]

    @pytest.mark.parametrize(
        "change",
        [
            {"services": {"base": {**BASE, "resources": [MOTD]}}},
            {"services": {"base": {**BASE, "resources": [MOTD, {**SWAP, "ignore": ["value"]}]}}},
            {"services": {"base": {**BASE, "heal": "off"}}},
            {"services": {"base": {**BASE, "resources": [MOTD, {**SWAP, "value": "30"}]}}},
            {"hosts": {"web-1": None}},
        ],
        ids=["no resource", "ignored", "heal off", "another value", "no host"],
    )
    def test_git_lets_it_be(self, calm: Fleet, change: dict[str, Any]) -> None:
        swap(calm, "60", "web-1")
        look(calm)
        calm.commit(change)
        assert [each[3] for each in look(calm)] == ["git"]

    def test_what_was_removed_and_is_there_again(self, calm: Fleet) -> None:
        kept = calm.machine("web-1").paths.pop("/etc/motd")
        [(thing, _, hosts, ended)] = look(calm)
        assert (thing, hosts, ended) == ("file//etc/motd", "1", None)
        calm.machine("web-1").paths["/etc/motd"] = kept
        assert [each[3] for each in look(calm)] == ["host"]

    def test_what_a_run_is_at_is_for_the_run_to_say(self, calm: Fleet) -> None:
        swap(calm, "60", "web-1")
        look(calm)
        with calm.store.hold("apply") as held:
            run = calm.store.begin_run(calm.plan().plan, "ada", calm.clock.time, held.epoch)
            calm.store.intend(run, "s", ["web-1"])
            swap(calm, "10", "web-1")
            assert [each[3] for each in look(calm)] == [None]
            calm.store.end_run(run, "failed", calm.clock.time)
        assert [each[3] for each in look(calm)] == ["host"]


def test_a_fight_is_found() -> None:
    given = state(heal="auto")
    with fleet(given) as world:
        sim = Simulation(world)
        sim.run(timedelta(minutes=5))
        for _ in range(6):
            world.machine("web-2").paths["/etc/a"]["content"] = b"by hand\n"
            sim.run(timedelta(hours=1))
        [past] = pasts(world.store.episodes(NEVER)).values()
        assert (past.times, past.healed, past.fighting) == (6, 6, ("web-2",))
        assert dict(past.ended) == {"us": 6}
        sim.run(timedelta(days=2))
        world.machine("web-2").paths["/etc/a"]["content"] = b"by hand\n"
        sim.run(timedelta(hours=1))
        [past] = pasts(world.store.episodes(NEVER)).values()
        assert (past.times, past.healed) == (7, 6), "a day later it is no fight"


def test_a_look_that_finds_nothing_new_writes_nothing_and_reads_four_times() -> None:
    hosts = {f"web-{n}": {"role": "web"} for n in range(200)}
    with fleet({"hosts": hosts, "services": {"base": BASE}}) as world:
        world.apply()
        swap(world, "60", *hosts)
        statements: list[tuple[str, int]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            statements.append((statement, len(parameters) if many else 1))

        event.listen(world.store._database.reader, "before_cursor_execute", note)
        plan(world.world, Request())
        rows = [count for statement, count in statements if statement.startswith("INSERT INTO episode")]
        assert rows == [1], "one row for two hundred hosts"
        statements.clear()
        plan(world.world, Request())
        about = [statement for statement, _ in statements if "FROM episode" in statement]
        assert len(about) == 1
        assert not [statement for statement, _ in statements if "episode" in statement and "SELECT" not in statement]
        statements.clear()
        swap(world, "10", "web-7")
        plan(world.world, Request())
        writes = [s.split(" (")[0].split(" SET")[0] for s, _ in statements if "episode" in s and "SELECT" not in s]
        assert writes == ["INSERT INTO episode", "UPDATE episode"]


def test_old_history_goes_when_the_store_is_tidied() -> None:
    with fleet({"hosts": HOSTS, "services": {"base": BASE}}) as world:
        world.apply()
        swap(world, "60", "web-1")
        look(world)
        swap(world, "10", "web-1")
        swap(world, "60", "web-2")
        assert [each[2:] for each in look(world)] == [("1", "host"), ("2", None)]
        swap(world, "60", "web-3")
        look(world, 92 * 24 * 60)
        world.store.tidy(world.clock.now(), timedelta(days=90))
        assert [each[2:] for each in told(world)] == [("2", None), ("3", None)]
        assert world.store.problems() == []
