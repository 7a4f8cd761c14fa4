"""The daemon among windows, freezes and pins: nothing is missed when they end, and nothing slips through before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.order import Order
from reconciler.ports import Tick
from tests.fakes.daemon import Simulation, contents, document, meanwhile, pace_of, state
from tests.fakes.fleet import fleet

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class TestCalendar:
    def window(self, **spec: Any) -> dict[str, Any]:
        return {"files": {"w.yaml": document("Window", "night", spec)}}

    def test_an_allow_window_is_waited_for_and_its_opening_is_not_missed(self):
        night = self.window(effect="allow", cron="0 22 * * *", duration="1h")
        with fleet({**state(), **night}) as world:
            sim = Simulation(world, pace=pace_of(poll=timedelta(hours=5)))
            sim.until(datetime(2026, 11, 23, 21, 59, 55, tzinfo=UTC))
            assert contents(world) == {""}
            assert sim.waiting()["edge"].until == datetime(2026, 11, 23, 22, tzinfo=UTC)
            sim.run(timedelta(seconds=10))
            assert contents(world) == {"one\n"}

    def test_the_end_of_a_deny_window_is_a_trigger(self):
        deny = self.window(effect="deny", cron="0 8 * * *", duration="4h", services=["edge"])
        with fleet({**state(), **deny}) as world:
            sim = Simulation(world, pace=pace_of(poll=timedelta(hours=24), observe=timedelta(hours=24)))
            sim.until(datetime(2026, 11, 23, 11, 59, 55, tzinfo=UTC))
            assert contents(world) == {""}
            sim.run(timedelta(seconds=10))
            assert contents(world) == {"one\n"}

    def test_a_window_that_closes_stops_what_is_under_way_until_it_opens_again(self):
        short = self.window(effect="allow", cron="0 9 * * *", duration="30m")
        with fleet({**state(), **short}) as world:
            sim = Simulation(world, pace=pace_of(poll=timedelta(hours=5)))

            def later() -> None:
                world.clock.time += HOUR
                sim.daemon.step(Tick("beat", world.clock.now()))

            with meanwhile(world, 1, later):
                sim.run(MINUTE)
            assert [run.status for run in sim.applied()] == ["stopped"]
            assert contents(world) == {"one\n", ""}
            sim.until(datetime(2026, 11, 24, 9, 1, tzinfo=UTC))
            assert contents(world) == {"one\n"}

    @pytest.mark.parametrize("reach", [{}, {"services": ["edge"]}, {"projects": ["web"]}])
    def test_a_freeze_in_git_holds_until_it_is_gone(self, reach):
        freeze = document("Freeze", "xmas", {"reason": "holidays", **reach})
        given = state(projects={"web": {}}, files={"f.yaml": freeze})
        given["services"]["edge"]["project"] = "web"
        with fleet(given) as world:
            sim = Simulation(world)
            sim.run(HOUR)
            assert contents(world) == {""}
            assert "holidays" in sim.waiting()["edge"].why
            world.source.commit({"f.yaml": None})
            sim.run(MINUTE)
            assert contents(world) == {"one\n"}

    def test_a_window_that_can_not_be_read_opens_nothing(self):
        broken = self.window(effect="allow", cron="nonsense", duration="1h")
        with fleet({**state(), **broken}) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            assert contents(world) == {""}
            assert "can't be used" in sim.waiting()["edge"].why

    def test_a_freeze_that_was_ordered_stops_what_is_under_way_and_ends_by_itself(self):
        with fleet(state()) as world:
            sim = Simulation(world)

            def freeze() -> None:
                until = world.clock.now() + 10 * MINUTE
                world.store.give_order(Order("freeze", "ada", "looking", world.clock.now(), "service:edge", until))
                sim.daemon.step(Tick("beat", world.clock.now()))

            with meanwhile(world, 1, freeze):
                sim.run(5 * MINUTE)
            assert [run.status for run in sim.applied()] == ["stopped"]
            assert "looking" in sim.waiting()["edge"].why
            sim.run(6 * MINUTE)
            assert contents(world) == {"one\n"}


class TestPins:
    def test_a_pin_stops_what_is_under_way_between_hosts(self):
        with fleet(state()) as world:
            first = world.source.revision().sha
            sim = Simulation(world)
            sim.run(MINUTE)
            world.commit(state(content="two\n"))

            def pin() -> None:
                until = world.clock.now() + HOUR
                world.store.give_order(Order("pin", "ada", "two is slow", world.clock.now(), "edge", until, first))
                sim.daemon.step(Tick("beat", world.clock.now()))

            with meanwhile(world, 1, pin):
                sim.run(2 * MINUTE)
            assert [run.status for run in sim.applied()][:2] == ["succeeded", "stopped"]
            assert contents(world) == {"one\n"}

    def test_a_pinned_service_goes_back_stays_and_goes_on_when_the_pin_ends(self):
        with fleet(state()) as world:
            first = world.source.revision().sha
            sim = Simulation(world)
            sim.run(MINUTE)
            world.commit(state(content="two\n"))
            sim.run(MINUTE)
            assert contents(world) == {"two\n"}
            until = world.clock.now() + HOUR
            world.store.give_order(Order("pin", "ada", "two is slow", world.clock.now(), "edge", until, first))
            sim.run(MINUTE)
            assert contents(world) == {"one\n"}
            world.commit(state(content="three\n"))
            sim.run(30 * MINUTE)
            assert contents(world) == {"one\n"}
            assert [pin.subject for pin in sim.said[-1].pins] == ["edge"]
            sim.run(HOUR)
            assert contents(world) == {"three\n"}

    def test_a_pin_that_can_not_be_followed_holds_the_service(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            until = world.clock.now() + HOUR
            world.store.give_order(Order("pin", "ada", "why", world.clock.now(), "edge", until, "feed" * 10))
            world.commit(state(content="two\n"))
            sim.run(10 * MINUTE)
            assert contents(world) == {"one\n"}
