"""The daemon over a simulated fleet: what it does by itself, what it leaves, and that it comes to rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.event import HostObserved, PlanMade, Polled, Refused
from reconciler.model.order import Order
from reconciler.ports import Tick
from tests.fakes.daemon import HOSTS, Simulation, change, contents, files, meanwhile, pace_of, state
from tests.fakes.fleet import START, fleet

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class TestSync:
    def test_a_commit_comes_to_the_hosts_by_itself(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            assert contents(world) == {"one\n"}
            world.commit(state(content="two\n"))
            sim.run(MINUTE)
            assert contents(world) == {"two\n"}
            assert [run.status for run in sim.applied()] == ["succeeded", "succeeded"]

    def test_manual_waits_for_a_person_and_says_so(self):
        with fleet(state(sync="manual")) as world:
            sim = Simulation(world)
            sim.run(2 * MINUTE)
            assert contents(world) == {""}
            assert "reconciler apply" in sim.waiting()["edge"].why

    def test_a_project_says_it_for_its_services_and_they_may_differ(self):
        given = state(sync="auto", projects={"web": {"sync": "auto"}})
        given["services"]["edge"] = {"project": "web", "resources": files("a")}
        given["services"]["other"] = {"project": "web", "sync": "manual", "resources": files("b")}
        with fleet(given) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            assert contents(world) == {"x\n"}
            assert contents(world, "/etc/b") == {""}

    def test_nothing_to_do_is_nothing_done(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            runs, plans = len(sim.applied()), len(sim.heard(PlanMade))
            sim.run(20 * MINUTE)
            assert (len(sim.applied()), len(sim.heard(PlanMade))) == (runs, plans)

    def test_a_service_waits_for_a_required_one_that_a_person_has_to_apply(self):
        given = state()
        given["services"]["base"] = {"resources": files("b")}
        given["services"]["edge"] |= {"requires": ["base"]}
        with fleet(given) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            assert contents(world) == {""}
            assert "requires base" in sim.waiting()["edge"].why
            world.apply()
            sim.run(30 * MINUTE)
            assert contents(world) == {"one\n"}

    def test_what_a_removed_service_leaves_is_left_to_a_person(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            world.commit({"services": {"edge": None, "new": {"resources": files("n")}}})
            sim.run(5 * MINUTE)
            assert contents(world) == {"one\n"}
            assert "edge" in sim.waiting()


class TestHeal:
    @pytest.mark.parametrize(("heal", "after"), [("auto", {"one\n"}), ("report", {"one\n", "by hand\n"})])
    def test_drift_is_healed_only_where_it_may(self, heal, after):
        with fleet(state(sync="auto", heal=heal)) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            change(sim, "web-2")
            sim.run(HOUR)
            assert contents(world) == after
            drift = {d.service: d.drift for d in sim.said[-1].differing}
            assert drift.get("edge", 0) == (0 if heal == "auto" else 1)

    def test_a_commit_does_not_heal_by_the_way(self):
        with fleet(state(heal="report")) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            change(sim, "web-2")
            sim.run(HOUR)
            given = state()
            given["services"]["edge"]["resources"] += files("b")
            world.commit(given)
            sim.run(5 * MINUTE)
            assert contents(world) == {"one\n", "by hand\n"}
            assert contents(world, "/etc/b") == {"x\n"}

    def test_a_fight_with_somebody_else_gets_slower_not_faster(self):
        with fleet(state(heal="auto")) as world:
            sim = Simulation(world, pace=pace_of(observe=timedelta(seconds=10)))
            sim.run(MINUTE)
            before = len(sim.applied())
            for _ in range(360):
                change(sim, "web-2")
                sim.run(timedelta(seconds=5))
            # In half an hour: at once, after 2 s, 6 s, 18 s, 54 s, 162 s, then every 300 s and more.
            assert 5 <= len(sim.applied()) - before <= 12


class TestFailures:
    def test_one_attempt_for_the_same_thing_then_longer_and_longer_waits(self):
        with fleet(state()) as world:
            from reconciler.model.key import Key

            world.machine("web-2").failing.add(Key("file", "/etc/a"))
            sim = Simulation(world)
            sim.run(HOUR)
            tries = len(sim.applied())
            assert 10 <= tries <= 20
            assert world.store.attempts()["edge"].tries == tries
            assert "attempt" in sim.waiting()["edge"].why
            world.machine("web-2").failing.clear()
            sim.run(10 * MINUTE)
            assert contents(world) == {"one\n"}

    def test_another_revision_is_tried_at_once(self):
        with fleet(state()) as world:
            from reconciler.model.key import Key

            world.machine("web-2").failing.add(Key("file", "/etc/a"))
            sim = Simulation(world)
            sim.run(HOUR)
            tries = len(sim.applied())
            world.commit(state(content="two\n"))
            sim.run(timedelta(seconds=45))
            assert len(sim.applied()) > tries
            assert world.store.attempts()["edge"].tries <= 4

    def test_a_restart_does_not_forget_its_patience(self):
        with fleet(state()) as world:
            from reconciler.model.key import Key

            world.machine("web-2").failing.add(Key("file", "/etc/a"))
            sim = Simulation(world)
            sim.run(HOUR)
            tries = len(sim.applied())
            for _ in range(20):
                sim.start()
                sim.run(timedelta(seconds=10))
            assert len(sim.applied()) <= tries + 2

    def test_a_host_that_can_not_be_reached_is_asked_less_and_less_and_caught_up(self):
        with fleet(state()) as world:
            world.carrier.unreachable["web-3"] = "ssh: timed out"
            sim = Simulation(world, pace=pace_of(poll=HOUR))
            sim.run(12 * HOUR)
            asked = [e for e in sim.heard(HostObserved) if e.reply.host == "web-3"]
            assert 20 <= len(asked) <= 50
            assert {"web-1", "web-2"} == {h for h in HOSTS if "/etc/a" in world.machine(h).paths}
            del world.carrier.unreachable["web-3"]
            sim.run(HOUR)
            assert contents(world) == {"one\n"}

    def test_git_that_can_not_be_looked_at_is_said_and_tried_again(self):
        from reconciler.model.errors import Retry

        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            poll = world.source.poll

            def down(rev: str | None = None) -> Any:
                raise Retry("the remote is down")

            world.source.poll = down
            sim.run(HOUR)
            failed = [e for e in sim.heard(Polled) if e.error]
            assert 10 <= len(failed) <= 30
            assert sim.said[-1].poll_error == "the remote is down"
            world.source.poll = poll
            world.commit(state(content="two\n"))
            sim.run(10 * MINUTE)
            assert contents(world) == {"two\n"}


class TestTrouble:
    def test_what_came_of_an_apply_is_kept_although_the_store_fails_at_that_moment(self, monkeypatch):
        from reconciler.model.errors import Retry

        with fleet(state()) as world:
            sim = Simulation(world)
            save, calls = world.store.save_attempts, []

            def failing(attempts: Any) -> None:
                calls.append(attempts)
                if len(calls) in (2, 3):
                    raise Retry("the store is busy")
                save(attempts)

            monkeypatch.setattr(world.store, "save_attempts", failing)
            sim.run(5 * MINUTE)
            assert contents(world) == {"one\n"}
            assert [run.status for run in sim.applied()] == ["succeeded"]
            assert world.store.attempts()["edge"].ok
            assert sim.waiting() == {}

    def test_hosts_of_a_new_revision_are_known_although_the_store_fails_at_that_moment(self, monkeypatch):
        from reconciler.model.errors import Retry

        with fleet(state()) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            world.commit({"hosts": {"web-4": {"role": "web"}}})
            heads, fails = world.store.heads, [1, 1]

            def failing() -> Any:
                if fails:
                    fails.pop()
                    raise Retry("the store is busy")
                return heads()

            monkeypatch.setattr(world.store, "heads", failing)
            sim.run(5 * MINUTE)
            assert "/etc/a" in world.machine("web-4").paths

    def test_what_is_gone_and_not_wanted_any_more_is_on_record_no_more(self):
        with fleet(state(sync="manual")) as world:
            sim = Simulation(world)
            world.apply()
            given = state(sync="manual")
            given["services"]["edge"]["resources"] = files("b")
            world.commit(given)
            for host in HOSTS:
                del world.machine(host).paths["/etc/a"]
            sim.run(HOUR)
            assert sim.applied() == []
            assert world.owned("web-1") == {}


class TestSafePoints:
    def test_a_newer_revision_takes_over_between_steps(self):
        """What `base` was given in part it is given in all; `edge` comes after it, and gets only what is newer."""
        given = state()
        given["services"]["base"] = {"sync": "auto", "resources": files("b")}
        given["services"]["edge"] |= {"requires": ["base"]}
        with fleet(given) as world:
            sim = Simulation(world)

            def commit() -> None:
                world.commit(state(content="two\n") | {"services": {"edge": edge("two\n")}})
                sim.hint()

            def edge(content: str) -> dict[str, Any]:
                return {**given["services"]["edge"], "resources": files("a", content=content)}

            with meanwhile(world, 1, commit):
                sim.run(MINUTE)
            first, second = sim.applied()
            assert (first.status, second.status) == ("stopped", "succeeded")
            assert "revision" in first.why
            assert (contents(world, "/etc/b"), contents(world)) == ({"x\n"}, {"two\n"})
            works = [(d.host.name, [work.key.name for work in d.payload.works]) for d in world.carrier.sent]
            assert [(host, what) for host, what in works if what] == [
                *((host, ["/etc/b"]) for host in HOSTS),
                *((host, ["/etc/a"]) for host in HOSTS),
            ], "nobody was given anything twice, nor what was old already"

    def test_a_commit_that_is_nobody_of_the_runs_business_lets_it_go_on(self):
        given = state(hosts={**HOSTS, "db-1": {"role": "db"}})
        given["services"]["db"] = {"hosts": {"matchLabels": {"role": "db"}}, "resources": files("d")}
        with fleet(given) as world:
            sim = Simulation(world)

            def commit() -> None:
                world.commit({"services": {"db": {**given["services"]["db"], "resources": files("e")}}})
                sim.hint()

            with meanwhile(world, 1, commit):
                sim.run(MINUTE)
            assert [run.status for run in sim.applied()] == ["succeeded"]

    def test_a_revision_that_takes_the_word_back_stops_it(self):
        with fleet(state()) as world:
            sim = Simulation(world)

            def commit() -> None:
                world.commit(state(sync="manual"))
                sim.hint()

            with meanwhile(world, 1, commit):
                sim.run(5 * MINUTE)
            assert [run.status for run in sim.applied()] == ["stopped"]
            assert contents(world) == {"one\n", ""}

    def test_a_pause_stops_between_hosts_and_what_is_left_is_done_after_it(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            pause = Order("pause", "ada", "look first", START)
            with meanwhile(world, 1, lambda: sim.brake.pull(pause)):
                sim.run(5 * MINUTE)
            assert [run.status for run in sim.applied()] == ["stopped"]
            assert contents(world) == {"one\n", ""}
            assert "paused by ada" in sim.waiting()["edge"].why
            sim.brake.release()
            sim.run(timedelta(seconds=10))
            assert contents(world) == {"one\n"}

    def test_hosts_are_still_asked_while_paused(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            sim.brake.pull(Order("pause", "ada", "look first", START))
            sim.run(2 * HOUR)
            assert len(sim.heard(HostObserved)) >= 9
            assert sim.applied() == []


class TestLimits:
    def test_a_refusal_holds_what_deletes_and_lets_the_rest_go_on(self):
        given = state()
        given["services"]["many"] = {"sync": "auto", "resources": files(*(f"f{n}" for n in range(6)))}
        with fleet(given) as world:
            sim = Simulation(world)
            sim.run(MINUTE)
            new = state(content="two\n")
            new["services"]["many"] = {"sync": "auto", "resources": files("f0")}
            world.commit(new)
            sim.run(HOUR)
            assert contents(world) == {"two\n"}
            assert contents(world, "/etc/f5") == {"x\n"}
            assert {limit for event in sim.heard(Refused) for limit in event.limits} == {"deletes"}
            assert "deletes 15 resources" in sim.waiting()["many"].why


class TestTicks:
    def test_the_same_tick_is_done_once_whoever_gets_it(self):
        with fleet(state()) as world:
            sims = [Simulation(world, seed) for seed in range(2)]
            now = world.clock.now()
            done: list[int] = []
            for sim in sims:
                sim.daemon.step(Tick("beat", now))
                done.append(len(sim.heard(Polled)))
            assert done == [1, 1]

    @pytest.mark.parametrize("seed", range(12))
    def test_lost_and_doubled_ticks_change_nothing_in_the_end(self, seed):
        with fleet(state(heal="auto")) as world:
            sim = Simulation(world, seed, lost=0.5, doubled=0.5)
            sim.run(10 * MINUTE)
            world.commit(state(heal="auto", content="two\n"))
            sim.run(10 * MINUTE)
            change(sim, "web-1")
            sim.run(2 * HOUR)
            assert contents(world) == {"two\n"}
            assert [run.status for run in sim.applied()] == ["succeeded"] * 3
