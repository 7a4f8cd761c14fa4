"""What every store promises a daemon: orders, attempts, ticks, webhooks that are seen once, what was done last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.adapters.store import SqlStore, ticks
from reconciler.model.attempt import Attempt
from reconciler.model.order import Order, Orders

NOW = datetime(2026, 11, 23, 10, 2, 11, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
Opened = Callable[[], SqlStore]


class TestOrders:
    def test_come_back_exactly_and_hold_until_they_end(self, opened: Opened) -> None:
        pause = Order("pause", "ada", "look \x1b[31m", NOW)
        pin = Order("pin", "bob", "slow", NOW, "edge", NOW + HOUR, "1a2b3c4")
        freezes = (Order("freeze", "ada", "a", NOW, "service:edge"), Order("freeze", "ada", "b", NOW, ""))
        for order in (pause, pin, *freezes):
            opened().give_order(order)
        assert opened().orders(NOW) == Orders(pause, freezes, {"edge": pin})
        assert opened().orders(NOW + HOUR) == Orders(pause, freezes)

    def test_one_that_is_taken_back_holds_no_more_and_is_remembered(self, opened: Opened) -> None:
        store = opened()
        store.give_order(Order("pause", "ada", "look", NOW))
        assert store.end_order("pause", "", "bob", NOW + HOUR)
        assert not store.end_order("pause", "", "bob", NOW + HOUR)
        assert store.orders(NOW + HOUR) == Orders()
        assert [order.why for order in store.ordered()] == ["look"]

    def test_a_second_of_the_same_takes_the_place_of_the_first(self, opened: Opened) -> None:
        store = opened()
        for revision in ("one", "two"):
            store.give_order(Order("pin", "ada", revision, NOW, "edge", NOW + HOUR, revision))
        assert {name: pin.revision for name, pin in store.orders(NOW).pins.items()} == {"edge": "two"}
        assert store.end_order("pin", "edge", "ada", NOW)
        assert store.orders(NOW).pins == {}

    def test_an_override_is_kept_and_holds_nothing(self, opened: Opened) -> None:
        store = opened()
        store.give_order(Order("override", "ada", "INC-7", NOW, "digest"))
        assert (store.orders(NOW), store.ordered()[0].subject) == (Orders(), "digest")


class TestAttempts:
    def test_the_last_of_each_service_comes_back(self, opened: Opened) -> None:
        first = Attempt("edge", "r1", "d1", 1, NOW, NOW + HOUR, ok=False, why="failed in run 3")
        second = Attempt("edge", "r1", "d1", 2, NOW + HOUR, NOW + 2 * HOUR, ok=True)
        other = Attempt("base", "r1", "d2", 1, NOW, NOW, ok=True)
        opened().save_attempts([first, other])
        opened().save_attempts([second])
        opened().save_attempts([])
        assert opened().attempts() == {"edge": second, "base": other}


class TestTicks:
    def test_of_all_that_claim_one_one_gets_it(self, opened: Opened) -> None:
        stores = [opened(), opened()]
        assert [store.claim_tick("beat", NOW) for store in stores * 2] == [True, False, False, False]
        assert stores[1].claim_tick("beat", NOW + HOUR)
        assert stores[0].claim_tick("hint", NOW)

    def test_old_ones_are_dropped(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ticks, "KEPT", timedelta(seconds=10))
        store = opened()
        for n in range(50):
            assert store.claim_tick("beat", NOW + timedelta(seconds=n))
        assert store.claim_tick("beat", NOW)
        assert not store.claim_tick("beat", NOW + timedelta(seconds=45))


class TestDeliveries:
    def test_each_is_seen_once_for_each_source(self, opened: Opened) -> None:
        stores = [opened(), opened()]
        assert [store.see_delivery("github", "a", NOW) for store in stores] == [True, False]
        assert stores[0].see_delivery("gitlab", "a", NOW)

    def test_those_that_wait_are_taken_by_one_once(self, opened: Opened) -> None:
        standby, leader, other = opened(), opened(), opened()
        assert leader.see_delivery("github", "a", NOW)
        assert not standby.see_delivery("github", "a", NOW, waits=True), "the leader knows it"
        assert not leader.take_waiting()
        assert standby.see_delivery("github", "b", NOW, waits=True)
        assert standby.see_delivery("gitlab", "b", NOW, waits=True)
        assert not leader.see_delivery("github", "b", NOW)
        assert [store.take_waiting() for store in (leader, other, leader)] == [True, False, False]
        assert not standby.see_delivery("github", "b", NOW, waits=True), "it counts once"
        assert not leader.take_waiting()

    def test_there_is_a_bound_and_old_ones_make_room(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ticks, "DELIVERIES", 3)
        store = opened()
        assert [store.see_delivery("github", str(n), NOW) for n in range(5)] == [True, True, True, False, False]
        assert store.see_delivery("github", "9", NOW + ticks.DELIVERIES_KEPT + HOUR)
