"""Rolling out: batches one after the other, what stops them, how health is looked after, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from reconciler.core.planning.batch import Caution
from reconciler.loop import reconcile
from reconciler.model.errors import Stalled
from reconciler.model.event import HealthFinished, HealthStarted, RolledBack, RolloutHalted, StepStarted
from reconciler.model.key import Key
from reconciler.model.rollout import HttpCheck, Outside, PrometheusCheck, TcpCheck
from reconciler.model.run import Run
from tests.fakes.fleet import Fleet, fleet

SITES = ("fra", "lon")
EDGE = Key("file", "/etc/e")
HTTP = {"http": {"url": "http://{{ host.address }}:{{ vars.port }}/healthz"}}


def hosts(count_: int) -> dict[str, Any]:
    return {f"web-{n}": {"role": "web", "site": SITES[n % 2]} for n in range(count_)}


def service(text: str = "one\n", **rollout: Any) -> dict[str, Any]:
    resources = [{"file": "/etc/e", "content": text}]
    return {"vars": {"port": 8080}, "resources": resources, "rollout": rollout}


@pytest.fixture
def world() -> Iterator[Fleet]:
    """Six hosts in two sites, all as revision one of edge says."""
    with fleet({"hosts": hosts(6), "services": {"edge": service()}}) as world:
        assert world.apply().status == "succeeded"
        world.carrier.sent.clear()
        world.ears.heard.clear()
        yield world


def change(world: Fleet, **rollout: Any) -> None:
    world.commit({"services": {"edge": service("two\n", **rollout)}})


def begun(world: Fleet) -> list[str]:
    """The steps that were begun."""
    return [event.step for event in world.ears.heard if isinstance(event, StepStarted)]


def changed(world: Fleet) -> list[str]:
    """The hosts that were changed, in that order."""
    return [delivery.host.name for delivery in world.carrier.sent if delivery.payload.works]


def left(run: Run) -> dict[str, str]:
    return {host: f"{o.status}: {o.reason}" for o in run.host_outcomes for host in o.hosts}


def text(world: Fleet, host: str) -> str:
    content: bytes = world.machine(host).paths["/etc/e"]["content"]
    return content.decode().strip()


def test_batches_come_one_after_the_other_and_one_site_at_a_time(world: Fleet) -> None:
    change(world, canary=1, batches=["50%", "100%"], failureDomain="site")
    planned = world.plan()
    steps = [(step.id, step.hosts, step.needs) for step in planned.plan.steps]
    assert steps == [
        ("edge/1", ("web-0",), ()),
        ("edge/2", ("web-2", "web-4"), ("edge/1",)),
        ("edge/3", ("web-1", "web-3", "web-5"), ("edge/2",)),
    ]
    run = world.apply(planned)
    assert (run.status, begun(world)) == ("succeeded", ["edge/1", "edge/2", "edge/3"])
    assert changed(world) == ["web-0", "web-2", "web-4", "web-1", "web-3", "web-5"]


def test_a_canary_that_fails_is_all_that_is_touched(world: Fleet) -> None:
    change(world, canary=1, maxFailures="50%")
    world.machine("web-0").failing.add(EDGE)
    run = world.apply()
    why = "skipped: edge was stopped after batch 1 of 2, its canary: web-0 failed: file//etc/e: it was told to fail"
    assert run.status == "halted"
    assert left(run) == {"web-0": "failed: file//etc/e: it was told to fail"} | {f"web-{n}": why for n in range(1, 6)}
    assert changed(world) == ["web-0"]
    assert [event.service for event in world.ears.heard if isinstance(event, RolloutHalted)] == ["edge"]


def test_one_budget_for_the_whole_rollout_stops_it_in_the_middle_of_a_batch(world: Fleet) -> None:
    change(world, batches=[3, "100%"], maxFailures=1)
    for host in ("web-1", "web-3", "web-4"):
        world.machine(host).failing.add(EDGE)
    run = world.apply()
    assert changed(world) == ["web-0", "web-1", "web-2", "web-3"], "the second failure is one too many"
    assert left(run)["web-5"] == "skipped: edge was stopped: 2 hosts failed (web-1 and web-3), and 1 may (maxFailures)"
    assert run.status == "halted"


def test_the_breaker_stops_a_service_that_says_nothing(world: Fleet) -> None:
    change(world)
    for host in world.carrier.machines.values():
        host.failing.add(EDGE)
    run = world.apply()
    assert (len(changed(world)), run.status) == (3, "halted")
    assert left(run)["web-5"].startswith("skipped: the breaker stopped the run: 3 hosts failed")


def test_at_most_so_many_hosts_change_at_once(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    waves: list[int] = []
    carry = world.carrier.carry
    monkeypatch.setattr(world.carrier, "carry", lambda ds, *more: waves.append(len(ds)) or carry(ds, *more))
    change(world, maxUnavailable=4)
    planned = world.plan()
    waves.clear()
    world.apply(planned)
    assert waves == [4, 2]


def test_a_broad_plan_is_careful_by_itself() -> None:
    with fleet({"hosts": hosts(12), "services": {"edge": service()}}) as world:
        planned = world.plan()
        assert [len(step.hosts) for step in planned.plan.steps] == [1, 2, 9]
        assert planned.plan.steps[0].batch is not None
        assert planned.plan.steps[0].batch.canary
        assert world.apply(planned).status == "succeeded"


def test_what_requires_it_waits_for_all_batches_and_looks_at_each_host(world: Fleet) -> None:
    world.commit(
        {
            "services": {
                "edge": service("two\n", batches=[2, 4, 6], maxFailures=2),
                "top": {"requires": ["edge"], "resources": [{"file": "/etc/t", "content": "x"}]},
            }
        }
    )
    world.machine("web-1").failing.add(EDGE)
    planned = world.plan()
    assert [(s.id, s.needs) for s in planned.plan.steps][-1] == ("top", ("edge/3",))
    run = world.apply(planned)
    skipped = {host: why for host, why in left(run).items() if "skipped" in why}
    assert skipped == {"web-1": "skipped: edge failed on this host"}


def test_what_requires_a_rollout_that_was_stopped_names_the_cause(world: Fleet) -> None:
    top = {"requires": ["edge"], "resources": [{"file": "/etc/t", "content": "x"}]}
    world.commit({"services": {"edge": service("two\n", canary=1), "top": top}})
    world.machine("web-0").failing.add(EDGE)
    run = world.apply()
    reasons = {o.reason for o in run.host_outcomes if o.service == "top" and "web-5" in o.hosts}
    assert reasons == {
        "edge was stopped after batch 1 of 2, its canary: web-0 failed: file//etc/e: it was told to fail"
    }


class TestHealth:
    def test_each_distinct_check_is_made_once_a_look(self, world: Fleet) -> None:
        change(world, health=[HTTP, {"prometheus": {"query": "up"}}, {"tcp": {"port": "{{ vars.port }}"}}])
        assert world.apply().status == "succeeded"
        assert world.prober.asked.count(PrometheusCheck("up")) == 1
        assert world.prober.asked.count(HttpCheck("http://web-3.example.com:8080/healthz")) == 1
        assert world.prober.asked.count(TcpCheck("8080", "web-3.example.com")) == 1
        assert len(world.prober.asked) == 13
        started, finished = (e for e in world.ears.heard if isinstance(e, HealthStarted | HealthFinished))
        assert (started, finished) == (HealthStarted("edge", "edge", 6, 0), HealthFinished("edge", "edge", 0))

    def test_a_host_has_time_to_come_up(self, world: Fleet) -> None:
        looks = count()
        world.prober.says = lambda check: "refused" if next(looks) < 5 else ""
        change(world, canary=1, health=[HTTP])
        assert world.apply().status == "succeeded"

    def test_a_canary_that_never_comes_up_stops_the_rollout(self, world: Fleet) -> None:
        world.prober.says = lambda check: "GET …: 503, expected 200"
        change(world, canary=1, health=[HTTP])
        before = world.clock.now()
        run = world.apply()
        assert run.status == "halted"
        assert left(run)["web-0"] == "unhealthy: GET …: 503, expected 200"
        assert left(run)["web-1"].endswith("its canary: web-0 is not healthy: GET …: 503, expected 200")
        assert changed(world) == ["web-0"]
        assert (world.clock.now() - before).total_seconds() <= 60 + 60 + 5

    def test_it_is_watched_while_it_bakes(self, world: Fleet) -> None:
        begun_at = world.clock.now()
        world.prober.says = lambda check: "late" if (world.clock.now() - begun_at).total_seconds() > 600 else ""
        change(world, canary=1, bake="20m", health=[HTTP])
        run = world.apply()
        assert (run.status, changed(world)) == ("halted", ["web-0"])
        passed = (world.clock.now() - begun_at).total_seconds()
        assert 600 < passed < 800

    def test_a_bake_without_checks_is_a_pause(self, world: Fleet) -> None:
        before = world.clock.now()
        change(world, batches=["50%", "100%"], bake="10m")
        assert world.apply().status == "succeeded"
        assert (world.clock.now() - before).total_seconds() == 60 + 2 * 600

    def test_waiting_ends_when_somebody_stops(self, world: Fleet) -> None:
        change(world, canary=1, bake="1h", health=[HTTP])
        before = world.clock.now()
        run = world.apply(stopping=lambda: (world.clock.now() - before).total_seconds() > 300)
        assert (run.status, changed(world)) == ("stopped", ["web-0"])
        assert (world.clock.now() - before).total_seconds() < 600

    def test_unhealthy_hosts_within_the_budget_do_not_stop_it_but_fail_the_run(self, world: Fleet) -> None:
        world.prober.says = lambda check: "503" if "web-3." in str(check) else ""
        change(world, batches=["50%", "100%"], maxFailures=1, health=[HTTP])
        run = world.apply()
        assert (run.status, len(changed(world)), left(run)) == ("failed", 6, {"web-3": "unhealthy: 503"})

    def test_hosts_are_asked_themselves_in_one_round_trip(self, world: Fleet) -> None:
        for host in hosts(6):
            world.machine(host).packages["nginx"] = "1.0"
            world.machine(host).units["nginx.service"] = {"state": "running", "enabled": "enabled", "masked": False}
        change(world, health=[{"systemd": {"unit": "nginx"}}, {"systemd": {"unit": "nginx.service"}}])
        assert world.apply().status == "succeeded"
        assert sum(not d.payload.works and d.identity != "" for d in world.carrier.sent) == 6
        world.machine("web-0").units["nginx.service"]["state"] = "failed"
        world.commit({"services": {"edge": service("three\n", canary=1, health=[{"systemd": {"unit": "nginx"}}])}})
        run = world.apply()
        assert left(run)["web-0"] == "unhealthy: nginx is failed"
        assert run.status == "halted"

    def test_a_host_that_went_away_after_its_change_is_not_healthy(self, world: Fleet) -> None:
        change(world, canary=1, health=[{"systemd": {"unit": "nginx"}}])
        planned = world.plan()
        world.carrier.away_after_works = {"web-0": "ssh: timed out"}
        assert left(world.apply(planned))["web-0"] == "unhealthy: ssh: timed out"


class TestRollback:
    def broken(self, world: Fleet, host: str = "web-0") -> None:
        """From now on the host is not healthy with anything but revision one."""

        def says(check: Outside) -> str:
            return "503" if f"{host}." in str(check) and text(world, host) != "one" else ""

        world.prober.says = says

    def test_the_batch_goes_back_in_a_run_of_its_own_that_names_the_first(self, world: Fleet) -> None:
        self.broken(world)
        first = world.store.runs()[0].revision
        change(world, canary=2, onFailure="rollback", health=[HTTP])
        run = world.apply()
        [back] = world.store.runs_undoing(run.id)
        assert (run.status, back.status, back.undoes, back.revision) == ("halted", "succeeded", run.id, first)
        assert {text(world, host) for host in hosts(6)} == {"one"}
        assert changed(world) == ["web-0", "web-1", "web-0", "web-1"], "only the batch, there and back"
        assert world.owned("web-0")["file//etc/e"].revision == first
        assert [e.run for e in world.ears.heard if isinstance(e, RolledBack)] == [back.id]

    def test_a_revision_that_was_halted_and_stayed_is_no_way_back(self, world: Fleet) -> None:
        self.broken(world)
        first = world.store.runs()[0].revision
        change(world, canary=1, health=[HTTP])
        halted = world.apply()
        assert (halted.status, text(world, "web-0")) == ("halted", "two")
        world.commit({"services": {"edge": service("three\n", canary=1, onFailure="rollback", health=[HTTP])}})
        run = world.apply()
        [back] = world.store.runs_undoing(run.id)
        assert (back.status, back.revision, text(world, "web-0")) == ("succeeded", first, "one")

    def test_only_that_service_goes_back(self, world: Fleet) -> None:
        self.broken(world)
        other = {"resources": [{"file": "/etc/o", "content": "new\n"}]}
        rollout = {"canary": 1, "onFailure": "rollback", "health": [HTTP]}
        world.commit({"services": {"edge": service("two\n", **rollout), "apart": other}})
        world.apply()
        assert text(world, "web-0") == "one"
        assert world.machine("web-0").paths["/etc/o"]["content"] == b"new\n"

    def test_what_the_new_revision_brought_is_removed_again(self, world: Fleet) -> None:
        self.broken(world)
        more = service("two\n", canary=1, onFailure="rollback", health=[HTTP])
        more["resources"].append({"file": "/etc/extra", "content": "x"})
        world.commit({"services": {"edge": more}})
        world.apply()
        assert "/etc/extra" not in world.machine("web-0").paths

    def test_hosts_that_were_never_in_order_stay_and_it_is_told(self) -> None:
        first = service(canary=1, onFailure="rollback", health=[HTTP])
        with fleet({"hosts": hosts(3), "services": {"edge": first}}) as world:
            world.prober.says = lambda check: "503"
            run = world.apply()
            told = world.store.run(run.id)
            assert told is not None
            assert {o.status: o.reason for o in told.host_outcomes if o.hosts == ("web-0",)} == {
                "unhealthy": "503",
                "not rolled back": "there is nothing to go back to: edge was never in order on web-0",
            }
            assert (text(world, "web-0"), world.store.runs_undoing(run.id)) == ("one", [])

    def test_a_way_back_that_fails_is_told_and_is_not_undone_itself(self, world: Fleet) -> None:
        self.broken(world)
        change(world, canary=1, onFailure="rollback", health=[HTTP])
        planned = world.plan()

        def says(check: Outside) -> str:
            world.machine("web-0").failing.add(EDGE)
            return "503"

        world.prober.says = says
        run = world.apply(planned)
        [back] = world.store.runs_undoing(run.id)
        assert back.status == "halted"
        told = world.store.run(run.id)
        assert told is not None
        assert f"run {back.id} was to bring it back, and ended so: halted" in {o.reason for o in told.host_outcomes}

    def test_the_gate_judges_the_way_back_too(self, world: Fleet) -> None:
        self.broken(world)
        more = service("two\n", canary=1, onFailure="rollback", health=[HTTP])
        more["resources"] += [{"file": f"/etc/extra-{n}", "content": "x"} for n in range(11)]
        world.commit({"services": {"edge": more}})
        run = world.store.run(world.apply().id)
        assert run is not None
        [reason] = [o.reason for o in run.host_outcomes if o.status == "not rolled back"]
        assert reason.startswith("this plan deletes 11 resources; the limit is 10")
        assert text(world, "web-0") == "two"


class TestAgain:
    def test_a_revision_that_was_halted_needs_somebodys_word(self, world: Fleet) -> None:
        change(world, canary=1)
        world.machine("web-0").failing.add(EDGE)
        assert world.apply().status == "halted"
        planned = world.plan()
        assert [r.limit for r in reconcile.refusals(world.world, planned, reconcile.Allowance())] == ["breaker"]
        assert reconcile.refusals(world.world, planned, reconcile.Allowance(again=True)) == []
        world.commit({"services": {"edge": service("three\n")}})
        assert reconcile.refusals(world.world, world.plan(), reconcile.Allowance()) == []

    def test_a_saved_plan_rolls_out_as_it_was_shown(self, world: Fleet) -> None:
        change(world, canary=1, health=[HTTP])
        made = world.plan().plan
        world.caution = Caution(rollout_hosts=0)
        run = world.apply(reconcile.saved(world.world, made, None))
        assert (run.status, begun(world)) == ("succeeded", ["edge/1", "edge/2"])
        with pytest.raises(Stalled, match="applied already"):
            reconcile.saved(world.world, made, None)
