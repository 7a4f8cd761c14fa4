"""The daemon's rollouts, which go on where they were, and its plans that somebody has to approve."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from reconciler.model.approval import Approval
from reconciler.model.event import RunRecovered
from reconciler.model.key import Key
from reconciler.model.order import Order
from tests.fakes.daemon import Simulation, files, meanwhile
from tests.fakes.fleet import START, Fleet, fleet

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MANY = {f"web-{n}": {"role": "web"} for n in range(1, 7)}
BATCHES = {"canary": 1, "batches": ["50%", "100%"]}


def state(content: str = "one\n", **more: Any) -> dict[str, Any]:
    edge = {"sync": "auto", "rollout": BATCHES, "resources": files("a", content=content)}
    return {"hosts": MANY, "services": {"edge": {**edge, **more}}}


def contents(world: Fleet) -> list[str]:
    paths = [world.machine(host).paths for host in MANY]
    return [found["/etc/a"]["content"].decode() if "/etc/a" in found else "" for found in paths]


class TestGoingOn:
    def test_a_rollout_that_was_paused_goes_on_with_its_batches(self):
        with fleet(state()) as world:
            sim = Simulation(world)
            with meanwhile(world, 2, lambda: sim.brake.pull(Order("pause", "ada", "look", START))):
                sim.run(5 * MINUTE)
            assert contents(world).count("one\n") == 2
            sim.brake.release()
            sim.run(MINUTE)
            assert set(contents(world)) == {"one\n"}
            runs = world.store.runs()
            assert [run.status for run in runs] == ["succeeded", "stopped"]
            assert len({run.plan for run in runs}) == 1
            works = [d.host.name for d in world.carrier.sent if d.payload.works]
            assert sorted(works) == sorted(MANY), "no host was begun twice"

    def test_what_failed_before_it_was_stopped_is_no_success_after_it_went_on(self):
        base = {"sync": "auto", "resources": files("b")}
        with fleet({"hosts": MANY, "services": {"base": base, **state()["services"]}}) as world:
            sim = Simulation(world)
            world.machine("web-6").failing.add(Key("file", "/etc/b"))
            with meanwhile(world, len(MANY) + 1, lambda: sim.brake.pull(Order("pause", "ada", "look", START))):
                sim.run(5 * MINUTE)
            [stopped] = world.store.runs()
            assert (stopped.status, contents(world).count("one\n")) == ("stopped", 1), "base is through, edge is not"
            sim.brake.release()
            sim.tick()
            again = world.store.runs()[0]
            assert (again.plan, again.status) == (stopped.plan, "failed")
            assert {name: attempt.ok for name, attempt in world.store.attempts().items()} == {
                "base": False,
                "edge": True,
            }

    def test_one_whose_daemon_died_is_taken_over_and_goes_on(self):
        class Died(BaseException):
            pass

        def die() -> None:
            raise Died

        with fleet(state()) as world:
            sim = Simulation(world)
            end = world.store.end_run
            world.store.end_run = lambda *_: die()
            with meanwhile(world, 3, die), suppress(Died):
                sim.run(MINUTE)
            world.store.end_run = end
            assert [run.status for run in world.store.runs()] == ["running"]
            sim.start()
            sim.run(5 * MINUTE)
            assert set(contents(world)) == {"one\n"}
            assert [run.status for run in world.store.runs()] == ["succeeded", "interrupted"]
            assert len({run.plan for run in world.store.runs()}) == 1
            assert len(sim.heard(RunRecovered)) == 1
            works = [d.host.name for d in world.carrier.sent if d.payload.works]
            assert sorted(works) == sorted(MANY), "no host was begun twice"

    def test_a_newer_revision_begins_anew_after_the_batch_that_is_under_way(self):
        with fleet(state()) as world:
            sim = Simulation(world)

            def commit() -> None:
                world.commit(state("two\n"))
                sim.hint()

            with meanwhile(world, 2, commit):
                sim.run(5 * MINUTE)
            assert set(contents(world)) == {"two\n"}
            runs = world.store.runs()
            assert [run.status for run in runs] == ["succeeded", "stopped"]
            assert len({run.plan for run in runs}) == 2
            old = world.store.run(runs[1].id)
            assert {o.step: len(o.hosts) for o in old.outcomes} == {"edge/1": 1, "edge/2": 2}
            assert {o.step: (o.status, len(o.hosts)) for o in old.host_outcomes} == {"edge/3": ("skipped", 3)}

    def test_a_newer_revision_waits_for_no_bake(self):
        """It may be the remedy."""
        with fleet(state(rollout={**BATCHES, "bake": "1h"})) as world:
            sim = Simulation(world)
            wait, begun = world.clock.wait, world.clock.now()

            def commit(*given: Any) -> None:
                world.clock.wait = wait
                world.commit(state("two\n", rollout=BATCHES))
                sim.hint()
                wait(*given)

            world.clock.wait = commit
            sim.run(5 * MINUTE)
            assert set(contents(world)) == {"two\n"}
            assert world.clock.now() - begun < HOUR
            works = [d.host.name for d in world.carrier.sent if d.payload.works]
            assert works.count("web-1") == 2
            assert len(works) == 1 + len(MANY)


class TestHalted:
    def test_what_was_halted_waits_for_a_remedy_and_others_go_on(self):
        given = state()
        given["services"]["other"] = {"sync": "auto", "heal": "auto", "resources": files("b")}
        with fleet(given) as world:
            world.machine("web-1").failing.add(Key("file", "/etc/a"))
            sim = Simulation(world)
            sim.run(HOUR)
            assert contents(world) == [""] * 6, "the canary failed"
            assert sim.said[-1].halted == ("edge",)
            assert "halted by its failures" in sim.waiting()["edge"].why
            assert all("/etc/b" in world.machine(host).paths for host in MANY)
            halts = [run for run in world.store.runs() if run.status == "halted"]
            assert len(halts) == 1
            world.machine("web-2").paths["/etc/b"]["content"] = b"by hand\n"
            sim.run(2 * HOUR)
            assert world.machine("web-2").paths["/etc/b"]["content"] == b"x\n"
            assert len([run for run in world.store.runs(100) if run.status == "halted"]) == 1
            world.machine("web-1").failing.clear()
            world.commit(state("two\n"))
            sim.run(10 * MINUTE)
            assert set(contents(world)) == {"two\n"}
            assert sim.said[-1].halted == ()


class TestApprovals:
    def many(self, *names: str) -> dict[str, Any]:
        return {"hosts": MANY, "services": {"edge": {"sync": "auto", "resources": files(*names)}}}

    def test_a_refused_plan_runs_once_somebody_approved_exactly_it(self):
        with fleet(self.many("a", "b", "c")) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            world.commit(self.many("a"))
            sim.run(HOUR)
            assert "/etc/c" in world.machine("web-1").paths
            attempt = world.store.attempts()["edge"]
            assert attempt.plan in world.store.plans_like("")
            assert f"reconciler approve {attempt.plan[:8]}" in sim.waiting()["edge"].why
            sim.run(HOUR)
            assert world.store.attempts()["edge"].plan == attempt.plan, "what people have seen stays the same"
            now = world.clock.now()
            world.store.approve(Approval(attempt.plan, "ada", "CHG-1", now, now + HOUR))
            sim.run(MINUTE)
            assert [name for name in ("a", "b", "c") if f"/etc/{name}" in world.machine("web-1").paths] == ["a"]
            assert world.store.runs()[0].plan == attempt.plan
            assert sim.waiting() == {}

    def test_an_approval_says_nothing_of_when(self):
        with fleet(self.many("a", "b", "c")) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            world.commit(self.many("a"))
            sim.run(5 * MINUTE)
            attempt, now = world.store.attempts()["edge"], world.clock.now()
            world.store.give_order(Order("freeze", "bob", "audit", now, "", now + 10 * MINUTE))
            world.store.approve(Approval(attempt.plan, "ada", "CHG-1", now, now + HOUR))
            sim.run(5 * MINUTE)
            assert "/etc/c" in world.machine("web-1").paths
            assert "audit" in sim.waiting()["edge"].why
            sim.run(10 * MINUTE)
            assert "/etc/c" not in world.machine("web-1").paths

    def test_one_that_came_too_late_is_for_a_plan_that_is_no_more(self):
        with fleet(self.many("a", "b", "c")) as world:
            sim = Simulation(world)
            sim.run(5 * MINUTE)
            world.commit(self.many("a"))
            sim.run(5 * MINUTE)
            attempt, now = world.store.attempts()["edge"], world.clock.now()
            world.commit(self.many("a", "c"))
            sim.run(5 * MINUTE)
            world.store.approve(Approval(attempt.plan, "ada", "CHG-1", now, now + HOUR))
            sim.run(10 * MINUTE)
            assert "/etc/c" in world.machine("web-1").paths
            assert "/etc/b" not in world.machine("web-1").paths
