"""What took others down, and that it stops here: each test is named for an incident, and plays what was missing then.

The rows are those of the table in docs/safety.md. Each test fails without the control that it is about.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from reconciler.adapters.inventory import InventorySource, SourceSettings
from reconciler.core.gate import Allowance
from reconciler.loop import reconcile
from reconciler.model.errors import Retry
from reconciler.model.event import StepStarted
from reconciler.model.key import Key
from reconciler.model.order import Order
from reconciler.model.rollout import Outside
from tests.chaos.faults import Fault
from tests.chaos.ground import ground
from tests.chaos.hosts import hosts as machines
from tests.chaos.worker import Ended, Setting, Worker, done, time_passes
from tests.fakes.daemon import Simulation, meanwhile
from tests.fakes.fleet import MEMORY, Fleet, fleet, written
from tests.fakes.source import Commits

FILE = {"file": "/etc/a", "content": "one\n"}


def hosts(count: int, role: str = "web") -> dict[str, Any]:
    return {f"{role}-{n:02}": {"role": role, "site": f"s{n % 3}"} for n in range(count)}


def service(text: str = "one\n", **more: Any) -> dict[str, Any]:
    return {"resources": [{"file": "/etc/a", "content": text}], **more}


def files(world: Fleet) -> dict[str, str]:
    """What stands in the file on each host that has it."""
    found = {}
    for name, machine in world.carrier.machines.items():
        if "/etc/a" in machine.paths:
            found[name] = machine.paths["/etc/a"]["content"].decode().strip()
    return found


def refused(world: Fleet, allowance: Allowance | None = None) -> list[str]:
    return [r.limit for r in reconcile.refusals(world.world, world.plan(), allowance or Allowance())]


@pytest.fixture
def world() -> Iterator[Fleet]:
    """Forty hosts in order, in three sites."""
    with fleet({"hosts": hosts(40), "services": {"edge": service(), "base": {"resources": [{"group": "g"}]}}}) as world:
        assert world.apply().status == "succeeded"
        yield world


def test_google_diskerase_an_empty_set_is_not_everything(world: Fleet) -> None:
    """A request that meant no machines was read as all machines, and they were erased."""
    world.commit({"services": {"edge": service(hosts={})}})
    planned = world.plan()
    assert [problem.reason for problem in planned.read.desired.problems] == ["empty-selector"]
    assert planned.plan.summary.changes == 0
    world.commit({"services": {"edge": None, "base": None}, "projects": {"p": {"description": "still there"}}})
    assert world.plan().plan.summary.delete == 0, "no service left: nothing is removed"
    world.apply()
    assert len(files(world)) == 40


def test_aws_s3_2017_one_typo_does_not_remove_a_large_part_of_a_role(world: Fleet) -> None:
    """A wrong argument took more servers out of a subsystem than it could live without."""
    world.commit({"hosts": {name: {"role": "wbe", "site": "s0"} for name in list(hosts(40))[:12]}})
    assert set(refused(world)) == {"deletes", "service-deletes", "fleet-deletes"}
    [message] = [r.message for r in reconcile.refusals(world.world, world.plan(), Allowance()) if "edge" in r.message]
    assert "on 12 of its 40 hosts (30%)" in message


def test_aws_dynamodb_2025_a_delayed_worker_can_not_put_an_old_plan_over_a_new_one() -> None:
    """A worker that was slow checked, waited, and then wrote an old plan over the new one of another worker."""
    source = Commits()
    source.commit(written({"hosts": hosts(1), "services": {"edge": service("old\n")}}))
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        machines(Path(folder)) as them,
        ground("postgresql") as here,
    ):
        setting = Setting(here, them, source)
        slow = Worker.started(setting)
        slow.begin(Fault("carrier.sent", what="pause"))
        assert slow.end() == -signal.SIGSTOP, "it has checked, and the packet has not left"
        time_passes(here)
        source.commit(written({"services": {"edge": service("new\n")}}))
        assert done(setting) == Ended.SUCCEEDED
        slow.go_on()
        assert slow.end() == Ended.STALLED
        slow.kill()
        visits = [(visit.status, bool(visit.effects)) for visit in them.ask(("log",)) if visit.works]
        assert visits == [("done", True), ("refused", False)]
        assert them.ask(("machine", "web-00")).paths["/etc/a"]["content"] == b"new\n"


def test_google_2019_and_datadog_2023_a_second_domain_waits(world: Fleet) -> None:
    """One change went to many places at the same time, and they failed together."""
    world.commit({"services": {"edge": service("two\n", rollout={"failureDomain": "site", "maxFailures": 0})}})
    for name in hosts(40):
        if name in ("web-01", "web-04"):  # in the second site
            world.machine(name).failing.add(Key("file", "/etc/a"))
    planned = world.plan()
    for step in planned.plan.steps:
        assert len({planned.read.desired.hosts[host].labels["site"] for host in step.hosts}) == 1
    world.ears.heard.clear()
    world.apply(planned)
    begun = [event.step for event in world.ears.heard if isinstance(event, StepStarted)]
    assert begun == [step.id for step in planned.plan.steps[:-1]], "the third site was never begun"
    assert {name for name, text in files(world).items() if text == "two"} >= {"web-00", "web-03"}
    assert {files(world)[name] for name, host in hosts(40).items() if host["site"] == "s2"} == {"one"}


def test_google_june_2025_a_blank_field_keeps_the_last_good_state(world: Fleet) -> None:
    """A policy with blank fields went everywhere at once and crashed what read it."""
    world.commit({"services": {"edge": {"resources": [{"file": "/etc/a", "content": None}]}}})
    planned = world.plan()
    assert planned.read.desired.problems != ()
    assert planned.plan.summary.changes == 0
    assert "services/edge.yaml" in planned.read.desired.broken
    assert set(files(world).values()) == {"one"}


def test_cloudflare_november_2025_an_inventory_that_doubles_is_held(world: Fleet, tmp_path: Path) -> None:
    """A generated file suddenly had twice as many rows, and everything that read it died."""
    export = tmp_path / "hosts.json"

    def listed(count: int) -> tuple[int, str]:
        """How many hosts are in use when so many are in the file, and why not another number."""
        rows = [{"name": f"db-{n:03}", "address": f"db-{n:03}.example.com"} for n in range(count)]
        export.write_bytes(orjson.dumps({"format_version": 1, "hosts": rows}))
        world.clock.pass_by(180)
        found = InventorySource(SourceSettings("cmdb", "json", export, tmp_path / "memory"), world.clock)
        listing = found.listing(refresh=True)
        return len(listing.hosts), "".join(problem.message for problem in listing.problems)

    assert listed(100) == (100, "")
    used, why = listed(200)
    assert (used, "100 hosts came to 100" in why) == (100, True)
    assert listed(103) == (103, "")


def test_crowdstrike_2024_a_canary_and_its_health_come_first(world: Fleet) -> None:
    """Content that nobody had tried on a machine went to all of them at once."""
    world.prober.says = lambda check: "connection refused"
    check = {"http": {"url": "http://{{ host.address }}/"}}
    world.commit({"services": {"edge": service("two\n", rollout={"health": [check]})}})
    run = world.apply()
    assert run.status == "halted"
    assert [name for name, text in files(world).items() if text == "two"] == ["web-00"]


def test_crowdstrike_2024_a_field_more_or_less_than_expected_is_held(
    world: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content had a field more than what read it was made for, and it read past the end."""
    world.commit({"services": {"edge": {"resources": [{"file": "/etc/a", "content": "two\n", "twentyfirst": 21}]}}})
    planned = world.plan()
    assert [problem.reason for problem in planned.read.desired.problems] == ["unknown-field"]
    assert planned.plan.summary.changes == 0

    world.commit({"services": {"edge": service("two\n")}})
    less, more = world.machine("web-07"), world.machine("web-08")
    seven, eight = less.answer, more.answer
    monkeypatch.setattr(less, "answer", lambda *asked: {f: v for f, v in seven(*asked).items() if f != "exists"})
    monkeypatch.setattr(more, "answer", lambda *asked: {**eight(*asked), "twentyfirst": 21})
    world.apply()
    assert [name for name, text in files(world).items() if text == "one"] == ["web-07"]


def test_atlassian_2022_a_name_of_one_kind_is_none_of_another(world: Fleet) -> None:
    """A script was given IDs of sites where it took IDs of apps, and deleted the sites, for good."""
    world.commit({"projects": {"web-00": {"description": "a tenant with the name of a host"}}})
    with pytest.raises(reconcile.Stalled, match="nothing is meant by"):
        world.plan(reconcile.Scope(targets=("host:edge",)))
    with pytest.raises(reconcile.Stalled, match="nothing is meant by"):
        world.plan(reconcile.Scope(targets=("project:edge",)))
    assert world.plan(reconcile.Scope(targets=("project:web-00",))).plan.summary.changes == 0


def test_unisuper_2024_a_field_that_is_left_out_never_deletes(world: Fleet) -> None:
    """A parameter that was left blank had a default that deleted everything after a year."""
    world.commit({"services": {"edge": {"resources": [{"file": "/etc/a", "content": "one\n", "mode": "0644"}]}}})
    world.apply()
    world.commit({"services": {"edge": service(), "base": {"resources": [{"group": "g"}], "rollout": {}}}})
    assert world.plan().plan.summary.delete == 0
    world.commit({"hosts": dict.fromkeys(hosts(40))})
    assert world.plan().plan.summary.delete == 0, "a host that left Git is let go, not cleared"


def test_roblox_2021_what_stops_a_run_does_not_need_the_database(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would have shown the trouble and stopped it needed the very system that had failed."""
    world.commit({"services": {"edge": service("two\n", rollout={"batches": [5, 40]})}})
    planned = world.plan()
    world.carrier.sent.clear()

    def down(*_: object) -> None:
        raise Retry("the database can't be reached", "look at it")

    with monkeypatch.context() as database:

        def stop() -> bool:
            if world.carrier.sent:  # the first host is under way: now the database goes down, and somebody stops
                for name in ("intend", "record", "end_run", "runs", "observations"):
                    database.setattr(world.store, name, down)
            return bool(world.carrier.sent)

        with pytest.raises(Retry, match="database"):
            world.apply(planned, stop)
    assert [delivery.host.name for delivery in world.carrier.sent] == ["web-00"], "nobody else was begun"
    reconcile.settle_interrupted(world.world)
    again = world.apply(reconcile.resumed(world.world))
    assert (again.status, set(files(world).values())) == ("succeeded", {"two"})


def test_roblox_2021_a_pause_needs_no_database() -> None:
    """The same, by somebody who is not at the terminal of the run: a file is enough."""
    with fleet({"hosts": hosts(9), "services": {"edge": service(sync="auto")}}) as world:
        sim = Simulation(world)
        sim.run(timedelta(minutes=1))
        assert set(files(world).values()) == {"one"}

        def down(*_: object) -> None:
            raise Retry("the database can't be reached", "look at it")

        with pytest.MonkeyPatch.context() as database:

            def goes_down() -> None:
                for name in ("orders", "intend", "record", "end_run", "claim_tick"):
                    database.setattr(world.store, name, down)
                sim.brake.pull(Order("pause", "ada", "it burns", world.clock.now()))

            world.commit({"services": {"edge": service("two\n", sync="auto", rollout={"canary": 0})}})
            with meanwhile(world, 1, goes_down), suppress(Retry):
                sim.run(timedelta(minutes=10))
        begun = [name for name, text in files(world).items() if text == "two"]
        sim.start()
        sim.run(timedelta(minutes=10))
        assert [name for name, text in files(world).items() if text == "two"] == begun == ["web-00"]
        sim.brake.release()
        sim.run(timedelta(minutes=10))
        assert set(files(world).values()) == {"two"}


def test_gitlab_2017_another_machine_in_the_place_of_a_host_gets_nothing(world: Fleet) -> None:
    """Somebody was on another server than he thought, and removed its data."""
    world.commit({"services": {"edge": service("two\n")}})
    planned = world.plan()
    world.machine("web-07").identity = "machine:the-other-one"
    run = world.apply(planned)
    refused = {host: o.reason for o in run.host_outcomes if o.status == "refused" for host in o.hosts}
    assert refused == {"web-07": "another machine answers here: machine:the-other-one, not machine:web-07"}
    assert [name for name, text in files(world).items() if text == "one"] == ["web-07"]


def test_argo_workflows_2026_one_poison_document_stops_no_other(world: Fleet) -> None:
    """One object that could not be read made the controller crash for all of them."""
    world.commit(
        {
            "files": {"services/edge.yaml": "kind: Service\nmetadata: [\x00{{{{" + "[" * 50_000},
            "services": {"base": {"resources": [{"group": "other"}]}},
        }
    )
    world.limits = type(world.limits)(deletes=1_000, delete_service_share=1, delete_fleet_share=1)
    planned = world.plan()
    assert {step.service for step in planned.plan.steps} == {"base"}
    assert world.apply(planned).status == "succeeded"
    assert set(files(world).values()) == {"one"}


def test_a_partial_view_half_a_fleet_that_does_not_answer_is_no_reason_to_clear_the_rest(world: Fleet) -> None:
    """A partial view was taken for the whole, and what was not in it was removed."""
    for name in list(hosts(40))[:20]:
        world.carrier.unreachable[name] = "ssh: timed out"
    world.commit({"services": {"edge": {"resources": [{"file": "/etc/b", "content": "x"}]}}})
    assert "coverage" in refused(world, Allowance(deletes=999)), "a word for deletes is none for deletes in the dark"


def test_a_wrong_reference_everybody_differs_at_once_is_looked_at_before_it_is_healed(world: Fleet) -> None:
    """A wrong reference state was restored over a whole fleet, since all of it looked wrong."""
    for name in hosts(40):
        world.machine(name).paths["/etc/a"]["content"] = b"by hand\n"
    assert refused(world) == ["mass-drift"]


def test_capital_one_2019_the_checks_of_a_rollout_ask_no_metadata_service(world: Fleet) -> None:
    """A server was made to ask the metadata service, and gave its credentials away."""
    from reconciler.adapters.health import Allowed, NetworkProber

    asked: list[Outside] = []
    real = NetworkProber(Allowed(), 10, "", None)

    def says(check: Outside) -> str:
        asked.append(check)
        return dict(real.probe([check], lambda: False))[check]

    world.prober.says = says
    check = {"http": {"url": "http://169.254.169.254/latest/meta-data/iam/security-credentials/"}}
    world.commit({"services": {"edge": service("two\n", rollout={"canary": 1, "health": [check]})}})
    run = world.apply()
    reasons = {o.reason for o in run.host_outcomes if o.status == "unhealthy"}
    assert len(reasons) == 1
    assert "the metadata service of a cloud, where checks may not go" in reasons.pop()
    assert asked
