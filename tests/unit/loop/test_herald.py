"""The herald beside a daemon over a simulated fleet: nothing is lost or told twice, whatever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.adapters.store import outbox
from reconciler.core.notifying.channel import Channel, Parcel
from reconciler.core.notifying.notice import AGAIN
from reconciler.loop.herald import CLAIM, Herald
from reconciler.loop.lead import PURPOSE
from reconciler.loop.serve import Daemon, Means
from reconciler.loop.world import World
from reconciler.model.calendar import Window
from reconciler.model.errors import Retry
from reconciler.model.event import GivenUp, Notified, Troubled
from reconciler.model.key import Key
from reconciler.model.notice import Notice
from tests.fakes.daemon import HOSTS, Simulation, change, files, state
from tests.fakes.fleet import fleet

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Hearer:
    """Whoever is told. `broken`: nothing arrives; `then` is called when something has arrived, before that is known."""

    got: list[Notice] = field(default_factory=list)
    messages: list[Parcel] = field(default_factory=list)
    broken: bool = False
    tried: int = 0
    then: Callable[[], None] = lambda: None

    def send(self, parcel: Parcel, store: str) -> str:
        self.tried += 1
        if self.broken:
            return "connection refused"
        self.messages.append(parcel)
        self.got += parcel.notices
        self.then()
        return ""

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.got]


@dataclass
class Telling(Simulation):
    """A daemon that tells somebody. What is beside it runs at once, or when a test says."""

    hearer: Hearer = field(default_factory=Hearer)
    channels: tuple[Channel, ...] = (Channel("team", together=20),)
    beside: Callable[[Callable[[], None]], None] = lambda work: work()
    herald: Herald = field(init=False)
    leads: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """The process before is gone; this one leads under an epoch of the store."""
        self.leads.close()
        held = self.leads.enter_context(self.fleet.store.hold(PURPOSE))
        self.herald = Herald(self.channels, self.hearer, self.beside, self.random.random)
        reading = self.fleet.world.reading
        means = Means(
            self.pace, self.random.random, lambda work: work(), lambda: reading, self.said.append, herald=self.herald
        )
        self.daemon = Daemon(self.world, means, held)

    @property
    def world(self) -> World:
        world = super().world
        return replace(world, outbox=self.fleet.world.store.outbox, listeners=(*world.listeners, self.herald))


@contextmanager
def telling(given: dict[str, Any], **more: Any) -> Iterator[Telling]:
    with fleet(given) as world:
        sim = Telling(world, **more)
        try:
            yield sim
        finally:
            sim.leads.close()


def settled(sim: Telling) -> None:
    sim.run(MINUTE)
    assert sim.hearer.got == []


def drifted(sim: Telling) -> None:
    """Somebody changes a host, and it is asked."""
    change(sim, "web-2")
    sim.run(HOUR)


def test_drift_is_told_once_and_that_it_is_healed_and_by_whom() -> None:
    with telling(state(heal="report")) as sim:
        settled(sim)
        drifted(sim)
        [found] = sim.hearer.got
        assert (found.kind, found.services, found.resources) == ("drift-found", ("edge",), 1)
        sim.run(5 * HOUR)
        assert len(sim.hearer.got) == 1
        sim.fleet.commit(state(heal="auto"))
        sim.run(MINUTE)
        assert sim.hearer.kinds == ["drift-found", "healed"]
        assert sim.hearer.got[1].reasons == (f"by run {sim.applied()[-1].run} of the daemon",)


def test_who_healed_it_by_hand_is_not_called_the_daemon() -> None:
    with telling(state(heal="report")) as sim:
        settled(sim)
        drifted(sim)
        change(sim, "web-2", "one\n")
        sim.run(HOUR)
        assert [(n.kind, n.reasons) for n in sim.hearer.got][1:] == [("healed", ())]


def test_a_restart_tells_nothing_again() -> None:
    with telling(state(heal="report")) as sim:
        settled(sim)
        drifted(sim)
        for _ in range(3):
            sim.start()
            sim.run(HOUR)
        assert sim.hearer.kinds == ["drift-found"]


def test_a_refused_plan_asks_for_an_approval() -> None:
    given = state()
    given["services"]["edge"]["resources"] = files(*(f"f{n}" for n in range(5)))
    with telling(given) as sim:
        settled(sim)
        sim.fleet.commit({**given, "services": {"edge": {"sync": "auto", "resources": files("f0")}}})
        sim.run(HOUR)
        [asked] = sim.hearer.got
        assert (asked.kind, asked.services) == ("approval-needed", ("edge",))
        assert "deletes" in asked.reasons[0]
        assert "approve" not in asked.reasons[0]
        assert sim.fleet.store.plan(asked.plan) is not None


def test_a_failure_is_told_once_for_a_revision() -> None:
    with telling(state()) as sim:
        settled(sim)
        for host in HOSTS:
            sim.fleet.machine(host).failing.add(Key("file", "/etc/a"))
        sim.fleet.commit(state(content="two\n"))
        sim.run(3 * HOUR)
        assert set(sim.hearer.kinds) <= {"run-failed", "rollout-stopped"}
        told = len(sim.hearer.got)
        assert told == 1
        sim.fleet.commit(state(content="three\n"))
        sim.run(HOUR)
        assert len(sim.hearer.got) == 2
        assert len({notice.revision for notice in sim.hearer.got}) == 2


class TestNothingIsLost:
    def test_a_channel_that_is_down_gets_it_when_it_is_back(self) -> None:
        with telling(state(heal="report"), hearer=Hearer(broken=True)) as sim:
            settled(sim)
            drifted(sim)
            tried = sim.hearer.tried
            assert 0 < tried < 15, "it is left alone longer and longer"
            assert {e.error for e in sim.heard(Notified)} == {"connection refused"}
            sim.hearer.broken = False
            sim.run(HOUR)
            assert sim.hearer.kinds == ["drift-found"]

    def test_a_process_that_dies_before_it_sends_leaves_it_to_the_next(self) -> None:
        with telling(state(heal="report"), beside=lambda work: None) as sim:
            settled(sim)
            drifted(sim)
            assert (sim.hearer.got, len(sim.world.outbox.waiting())) == ([], 1)
            sim.beside = lambda work: work()
            sim.start()
            sim.run(MINUTE)
            assert sim.hearer.kinds == ["drift-found"]

    def test_one_that_dies_after_it_was_sent_is_sent_again_under_the_same_id(self) -> None:
        with telling(state(heal="report")) as sim:
            settled(sim)
            sim.hearer.then = _die
            with pytest.raises(Killed):
                drifted(sim)
            sim.hearer.then = lambda: None
            sim.start()
            sim.run(CLAIM / 2)
            assert len(sim.hearer.got) == 1, "somebody may still be sending it"
            sim.run(CLAIM)
            first, second = sim.hearer.got
            assert first == second
            sim.run(HOUR)
            assert len(sim.hearer.got) == 2

    def test_a_store_that_fails_for_a_while_loses_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with telling(state(heal="report")) as sim:
            settled(sim)
            with monkeypatch.context() as patch:
                patch.setattr(outbox.SqlOutbox, "told", _unreadable)
                drifted(sim)
                assert {e.what for e in sim.heard(Troubled)} == {"notifications"}
                assert sim.hearer.got == []
            sim.run(MINUTE)
            assert sim.hearer.kinds == ["drift-found"]

    def test_after_days_it_is_given_up_and_that_is_said(self) -> None:
        with telling(state(heal="report"), hearer=Hearer(broken=True)) as sim:
            settled(sim)
            drifted(sim)
            sim.fleet.clock.time += timedelta(days=3)
            sim.run(MINUTE)
            assert sim.heard(GivenUp) == [GivenUp(1)]
            assert sim.world.outbox.waiting() == []


def _die() -> None:
    raise Killed


def _unreadable(_: Any) -> Any:
    raise Retry("the database is locked")


class TestNothingIsToldTwice:
    def test_who_does_not_lead_any_more_tells_nothing_of_what_he_sees(self) -> None:
        """He was paused and does not know it yet; what he knows of the hosts is old."""
        with telling(state(heal="report")) as sim:
            settled(sim)
            former, hearer = sim.daemon, sim.hearer
            sim.start()
            sim.run(MINUTE)
            drifted(sim)
            for _ in range(3):
                sim.run(HOUR)
                former.step()
            assert hearer.kinds == ["drift-found"]
            assert any("is over" in event.why for event in sim.heard(Troubled))

    def test_what_one_is_sending_the_other_does_not(self) -> None:
        later: list[Callable[[], None]] = []
        with telling(state(heal="report"), beside=later.append) as sim:
            settled(sim)
            drifted(sim)
            assert len(later) == 1
            # Another one's life passes while this one is in the middle of sending.
            sim.beside = lambda work: work()
            sim.hearer.then = lambda: (sim.start(), sim.run(CLAIM / 2))
            later.pop()()
            assert sim.hearer.kinds == ["drift-found"]

    def test_flapping_is_told_less_often_than_it_happens(self) -> None:
        with telling(state(heal="auto")) as sim:
            settled(sim)
            for _ in range(12):
                change(sim, "web-1")
                sim.daemon.rota.soon(HOSTS, sim.fleet.clock.now())
                sim.run(AGAIN / 3)
            assert 2 <= len(sim.hearer.got) <= 2 * (12 // 3 + 1)
            assert len({notice.id for notice in sim.hearer.got}) == len(sim.hearer.got)


def test_in_quiet_hours_it_waits_and_comes_in_one_message() -> None:
    # The simulation begins at 9:00 UTC, 10:00 in Berlin.
    quiet = Window("quiet", "deny", "0 10 * * *", 5 * HOUR, "Europe/Berlin")
    with telling(state(heal="report"), channels=(Channel("team", quiet=(quiet,), together=20),)) as sim:
        settled(sim)
        drifted(sim)
        change(sim, "web-2", "one\n")
        sim.run(2 * HOUR)
        assert sim.hearer.got == []
        sim.run(2 * HOUR)
        [message] = sim.hearer.messages
        assert [notice.kind for notice in message.notices] == ["drift-found", "healed"]


def test_so_many_messages_within_an_hour_across_restarts() -> None:
    given = state()
    given["services"] = {
        name: {"sync": "auto", "owner": name, "resources": files(name)} for name in ("one", "two", "three", "four")
    }
    with telling(given, channels=(Channel("team", per_hour=2, together=1),)) as sim:
        settled(sim)
        for name in given["services"]:
            sim.fleet.machine("web-1").paths[f"/etc/{name}"]["content"] = b"by hand\n"
        sim.daemon.rota.soon(HOSTS, sim.fleet.clock.now())
        sim.run(5 * MINUTE)
        assert len(sim.hearer.messages) == 2
        sim.start()
        sim.run(5 * MINUTE)
        assert len(sim.hearer.messages) == 2
        sim.run(HOUR)
        assert len(sim.hearer.messages) == 4
        assert {notice.owner for notice in sim.hearer.got} == set(given["services"])


def test_a_channel_that_is_down_keeps_no_other_waiting() -> None:
    class Half(Hearer):
        def send(self, parcel: Parcel, store: str) -> str:
            self.broken = parcel.channel == "down"
            return super().send(parcel, store)

    with telling(state(heal="report"), hearer=Half(), channels=(Channel("down"), Channel("up"))) as sim:
        settled(sim)
        drifted(sim)
        assert [parcel.channel for parcel in sim.hearer.messages] == ["up"]
        assert {each.channel for each in sim.world.outbox.waiting()} == {"down"}


def test_once_the_daemon_leaves_nothing_more_is_begun() -> None:
    with fleet(state(heal="report")) as world:
        later = list[Callable[[], None]]()
        sim = Telling(world, beside=later.append)
        settled(sim)
        drifted(sim)
        assert not sim.herald.rest(), "something is under way"
        later.pop()()
        assert sim.hearer.got == []
        assert sim.herald.rest()
