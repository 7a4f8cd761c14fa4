"""The daemon in seeded disorder: commits, drift, faults, orders, windows, restarts, ticks lost and doubled.

A seed that fails is repeated with `-k "seed_N"`. The oracle looks at each host at the moment that it is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from reconciler.core.timetable import open_until
from reconciler.model.calendar import Window
from reconciler.model.delivery import Delivery, Reply
from reconciler.model.key import Key
from reconciler.model.order import Order
from tests.fakes.daemon import HOSTS, Simulation, change, contents, document, pace_of, state
from tests.fakes.fleet import Fleet, fleet
from tests.fakes.machine import Machine

SEEDS = range(15)
CALM_AFTER = timedelta(hours=3)
NOON = Window("noon", "deny", "0 12 * * *", timedelta(hours=1))
DENY = {"w.yaml": document("Window", "noon", {"effect": "deny", "cron": NOON.cron, "duration": "1h"})}
A = Key("file", "/etc/a")


@dataclass
class Oracle:
    """Sees every visit that changes a host, and sometimes does something in the middle of an apply."""

    sim: Simulation
    random: Random
    wrong: list[str] = field(default_factory=list)
    changes: int = 0
    share: float = 0.2
    """How often something happens right after a host was changed."""

    def watch(self, fleet: Fleet) -> None:
        visit: Callable[[Machine, Delivery], Reply] = fleet.carrier._visit

        def seen(machine: Machine, delivery: Delivery) -> Reply:
            if delivery.payload.works:
                self.changes += 1
                self.wrong += self.objections(fleet)
            reply = visit(machine, delivery)
            if delivery.payload.works and self.random.random() < self.share:
                self.interfere(fleet)
            return reply

        fleet.carrier._visit = seen  # type: ignore[method-assign]

    def objections(self, fleet: Fleet) -> list[str]:
        """Why nothing may be changed now; looked up anew, not asked of the daemon."""
        now = fleet.clock.now()
        found = ["paused"] if self.sim.brake.pause else []
        found += ["frozen"] if fleet.store.orders(now).freezes else []
        return found + (["in a window that denies"] if open_until(NOON, now) else [])

    def interfere(self, fleet: Fleet) -> None:
        if self.random.random() < 0.5:
            self.sim.brake.pull(Order("pause", "ada", "in the middle", fleet.clock.now()))
        else:
            self.sim.daemon.hinted = True
            fleet.commit(state(heal="auto", content=f"{self.random.randrange(9)}\n"))


def disturb(sim: Simulation, oracle: Oracle, random: Random) -> None:
    """One thing that happens in a fleet."""
    world, now = sim.fleet, sim.fleet.clock.now()
    host = random.choice(list(HOSTS))
    what: list[Callable[[], Any]] = [
        lambda: world.commit(state(heal="auto", content=f"{random.randrange(9)}\n")),
        lambda: change(sim, host) if "/etc/a" in world.machine(host).paths else None,
        lambda: world.carrier.unreachable.setdefault(host, "ssh: timed out"),
        world.carrier.unreachable.clear,
        lambda: world.machine(host).failing.add(A),
        world.machine(host).failing.clear,
        lambda: sim.brake.pull(Order("pause", "ada", "look", now)),
        sim.brake.release,
        lambda: world.store.give_order(Order("freeze", "ada", "x", now, "service:edge", now + timedelta(minutes=10))),
        sim.start,
    ]
    random.choice(what)()


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed_{seed}")
def test_nothing_is_changed_that_may_not_be_and_in_the_end_all_is_as_git_says(seed: int) -> None:
    random = Random(seed)
    with fleet({**state(heal="auto"), "files": DENY}) as world:
        world.clock.time = datetime(2026, 11, 23, 10, random.randrange(60), tzinfo=UTC)
        pace = pace_of(observe=timedelta(minutes=10), poll=timedelta(minutes=1), beat=timedelta(seconds=20))
        sim = Simulation(world, seed, pace, lost=0.3, doubled=0.3)
        oracle = Oracle(sim, random)
        oracle.watch(world)
        for _ in range(40):
            disturb(sim, oracle, random)
            sim.run(timedelta(minutes=random.randrange(1, 6)))
        assert oracle.wrong == []
        sim.brake.release()
        world.carrier.unreachable.clear()
        for host in HOSTS:
            world.machine(host).failing.clear()
        oracle.share = 0.0
        world.commit(state(heal="auto", content="at last\n"))
        sim.run(CALM_AFTER)
        assert oracle.wrong == []
        assert contents(world) == {"at last\n"}
        assert sim.waiting() == {}
        assert oracle.changes > 3
