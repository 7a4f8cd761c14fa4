"""Hosts are asked beside the daemon's loop: one that takes its time holds up nothing."""

from __future__ import annotations

from datetime import timedelta

from reconciler.model.digest import text_digest
from reconciler.model.order import Order
from tests.fakes.daemon import HOSTS, Simulation, contents, files, meanwhile, pace_of, state, while_asked
from tests.fakes.fleet import fleet

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_git_orders_plans_and_applies_go_on_and_a_late_answer_counts_for_nothing() -> None:
    with fleet(state(heal="auto")) as world:
        sim = Simulation(world)
        sim.run(MINUTE)

        def commit() -> None:
            world.clock.time += timedelta(minutes=5)
            sim.brake.pull(Order("pause", "ada", "look first", world.clock.now()))
            revision = world.commit(state(heal="auto", content="two\n"))
            sim.hint()
            assert (sim.said[-1].revision, sim.said[-1].pause is not None) == (revision, True)
            sim.brake.release()
            sim.tick()
            assert contents(world) == {"two\n"}, "a host that is asked is changed all the same"

        with while_asked(world, "web-2", commit):
            sim.run(HOUR)
        # web-2 had said that it is as it was before: that is no drift.
        assert [run.status for run in sim.applied()] == ["succeeded", "succeeded"]
        assert sim.said[-1].differing == ()
        (fact,) = world.store.observations(["web-2"])["web-2"].facts.values()
        assert fact.facts["sha256"] == text_digest(b"two\n")


def test_what_is_asked_for_since_is_asked_next() -> None:
    given = state(sync="manual")
    with fleet(given) as world:
        sim = Simulation(world)

        def commit() -> None:
            given["services"]["edge"]["resources"] += files("b")
            world.commit(given)
            sim.hint()

        with while_asked(world, "web-2", commit):
            sim.run(MINUTE)
        facts = [{key.name for key in seen.facts} for seen in world.store.observations().values()]
        assert facts == [{"/etc/a", "/etc/b"}] * 3, "nobody waits for the next interval"


def test_while_hosts_are_changed_others_are_asked_and_these_when_it_is_over() -> None:
    given = state(hosts={**HOSTS, "db-1": {"role": "db"}})
    given["services"]["db"] = {"hosts": {"matchLabels": {"role": "db"}}, "resources": files("d")}
    with fleet(given) as world:
        sim = Simulation(world, pace=pace_of(observe=timedelta(minutes=10)))
        sim.run(MINUTE)
        asked: list[str] = []

        def look() -> None:
            world.clock.time += timedelta(minutes=12)
            before = len(world.carrier.sent)
            sim.tick()
            asked.extend(delivery.host.name for delivery in world.carrier.sent[before:])

        world.commit(state(content="two\n"))
        sim.hint()
        with meanwhile(world, 1, look):
            sim.run(timedelta(seconds=30))
        assert asked == ["db-1"]
        before = len(world.carrier.sent)
        sim.run(2 * MINUTE)
        assert {d.host.name for d in world.carrier.sent[before:]} >= HOSTS.keys()


def test_the_end_waits_for_no_answer() -> None:
    with fleet(state()) as world:
        sim = Simulation(world)
        with while_asked(world, "web-1", sim.daemon.end):
            sim.run(timedelta(seconds=5))
        assert [d.host.name for d in world.carrier.sent] == ["web-1"]
        assert sim.said[-1].error == "hosts were being asked when it ended"
