"""Running a plan: what reaches hosts, what is recorded, and how a run goes on after anything that can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from reconciler.loop import reconcile
from reconciler.model.errors import Retry, Stalled
from reconciler.model.event import HostFinished, HostWorking, RunFinished, RunStarted, StepFinished, StepStarted
from reconciler.model.key import Key
from reconciler.model.run import Run
from tests.fakes.fleet import Fleet, fleet

WEB = {f"web-{number}": {"role": "web"} for number in (1, 2, 3)}


def files(*names: str, text: str = "x\n") -> dict[str, Any]:
    return {"resources": [{"file": f"/etc/{name}", "content": text} for name in names]}


@pytest.fixture
def world() -> Iterator[Fleet]:
    """Three hosts, and edge that requires base."""
    with fleet({"hosts": WEB, "services": {"base": files("b"), "edge": files("e") | {"requires": ["base"]}}}) as world:
        yield world


def results(run: Run) -> dict[str, str]:
    """Each change with its result, by host and resource."""
    return {f"{host} {o.key}": o.result for o in run.outcomes for host in o.hosts}


def left(run: Run) -> dict[str, str]:
    """Each host that a step did not go through on, with how and why."""
    return {f"{host} {o.service}": f"{o.status}: {o.reason}" for o in run.host_outcomes for host in o.hosts}


def test_a_run_goes_through_and_is_remembered(world: Fleet) -> None:
    run = world.apply()
    assert (run.status, run.actor, left(run)) == ("succeeded", "ada", {})
    assert set(results(run).values()) == {"changed"}
    assert [len(outcome.hosts) for outcome in run.outcomes] == [3, 3], "one row for equal outcomes"
    assert world.store.run(run.id) == run
    assert world.machine("web-2").paths["/etc/e"]["content"] == b"x\n"


def test_hosts_that_get_the_same_share_one_payload(world: Fleet) -> None:
    planned = world.plan()
    assert len({id(delivery.payload) for delivery in world.carrier.sent}) == 1
    world.carrier.sent.clear()
    world.apply(planned)
    assert len(world.carrier.sent) == 6, "one round trip for each host and step"
    assert len({id(delivery.payload) for delivery in world.carrier.sent}) == 2
    assert {(d.epoch, d.identity) for d in world.carrier.sent} == {(1, f"machine:web-{n}") for n in (1, 2, 3)}


def test_a_failure_skips_what_needs_it_on_that_host_only(world: Fleet) -> None:
    world.machine("web-2").failing.add(Key("file", "/etc/b"))
    run = world.apply()
    assert run.status == "failed"
    assert left(run) == {
        "web-2 base": "failed: file//etc/b: it was told to fail",
        "web-2 edge": "skipped: base failed on this host",
    }
    assert results(run)["web-2 file//etc/b"] == "failed"
    assert world.machine("web-3").paths.keys() >= {"/etc/b", "/etc/e"}
    assert "/etc/e" not in world.machine("web-2").paths
    world.machine("web-2").failing.clear()
    again = world.apply()
    assert (again.status, results(again)) == (
        "succeeded", {"web-2 file//etc/b": "changed", "web-2 file//etc/e": "changed"},
    )  # fmt: skip


def test_the_rest_of_a_program_is_skipped_after_a_failure(world: Fleet) -> None:
    world.commit({"services": {"base": files("b", "c", "d"), "edge": None}})
    world.machine("web-1").failing.add(Key("file", "/etc/c"))
    run = world.apply()
    found = {key.removeprefix("web-1 file//etc/"): value for key, value in results(run).items() if "web-1" in key}
    assert found == {"b": "changed", "c": "failed", "d": "skipped"}
    assert set(world.owned("web-1")) == {"file//etc/b"}


def test_a_host_that_goes_away_is_caught_up_later(world: Fleet) -> None:
    planned = world.plan()
    world.carrier.unreachable["web-3"] = "ssh: timed out"
    run = world.apply(planned)
    assert run.status == "failed"
    assert left(run) == {"web-3 base": "unreachable: ssh: timed out", "web-3 edge": "unreachable: ssh: timed out"}
    assert world.owned("web-3") == {}
    del world.carrier.unreachable["web-3"]
    again = world.apply()
    assert {key.partition(" ")[0] for key in results(again)} == {"web-3"}


def test_what_was_done_is_not_known_when_contact_is_lost(world: Fleet) -> None:
    planned = world.plan()
    world.carrier.losing["web-1"] = "ssh: the connection broke"
    run = world.apply(planned)
    assert left(run)["web-1 base"] == "lost: ssh: the connection broke"
    assert left(run)["web-1 edge"] == "skipped: base was lost on this host"
    assert world.owned("web-1") == {}
    world.carrier.losing.clear()
    world.apply()
    assert world.owned("web-1")["file//etc/b"].created is False, "found there, so it is not ours for certain"


def test_what_was_told_before_contact_was_lost_is_on_record(world: Fleet) -> None:
    world.commit({"services": {"base": files("b", "c"), "edge": None}})
    planned = world.plan()
    world.carrier.losing["web-1"] = "ssh: the connection broke"
    run = world.apply(planned)
    assert left(run)["web-1 base"] == "lost: ssh: the connection broke"
    assert {key: found for key, found in results(run).items() if "web-1" in key} == {"web-1 file//etc/b": "changed"}
    assert {key: owned.created for key, owned in world.owned("web-1").items()} == {"file//etc/b": True}
    world.carrier.losing.clear()
    world.apply()
    owned = {key: owned.created for key, owned in world.owned("web-1").items()}
    assert owned == {"file//etc/b": True, "file//etc/c": False}, "what was not told may have been there before"


def test_what_can_not_be_bundled_is_said_and_carried_out_so(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.planning.plan_json import plan_bytes, plan_document, read_plan
    from reconciler.kinds.directory import Directory

    monkeypatch.setattr(Directory, "ordinary", True)
    resources = [{"file": "/etc/b", "content": "x"}, {"directory": "/etc/d"}]
    world.commit({"services": {"base": {"resources": resources}, "edge": None}})
    planned = world.plan()
    plan = planned.plan
    text = [line.text.strip() for line in plan_text(plan, planned.read.desired, (), "", world.clock.time)]
    assert text.count("ordinary Ansible tasks, each with round trips of its own: directory//etc/d") == 1
    [program] = plan_document(plan)["programs"].values()
    assert {change["kind"]: change.get("ordinary", False) for change in program["changes"]} == {
        "file": False,
        "directory": True,
    }
    assert read_plan(plan_bytes(plan)).programs.keys() == plan.programs.keys()
    world.carrier.sent.clear()
    world.apply(type(planned)(**{**_fields(planned), "plan": read_plan(plan_bytes(plan))}))
    payload = world.carrier.sent[0].payload
    assert {work.key.kind: work.ordinary for work in payload.works} == {"file": False, "directory": True}
    assert payload.ordinary


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def test_a_host_that_moved_after_the_plan_is_stale(world: Fleet) -> None:
    planned = world.plan()
    world.machine("web-1").paths["/etc/b"] = dict(world.machine("web-1").paths["/etc"], type="file", content=b"by hand")
    run = world.apply(planned)
    assert left(run) == {
        "web-1 base": "stale: not as planned any more: file//etc/b",
        "web-1 edge": "skipped: base became stale on this host",
    }
    assert world.machine("web-1").paths["/etc/b"]["content"] == b"by hand"
    assert world.store.observations()["web-1"].facts[Key("file", "/etc/b")].facts["text"] == "by hand"


def test_another_machine_at_the_address_is_refused(world: Fleet) -> None:
    planned = world.plan()
    world.machine("web-1").identity = "machine:another"
    assert left(world.apply(planned))["web-1 base"].startswith("refused: another machine answers here")


def test_a_stop_finishes_the_hosts_that_were_begun(world: Fleet) -> None:
    asked = count()
    run = world.apply(stopping=lambda: next(asked) >= 2)
    assert run.status == "stopped"
    assert set(results(run)) == {"web-1 file//etc/b"}
    assert left(run) == {
        "web-1 edge": "skipped: the run was stopped before this host was begun",
        "web-2 base": "skipped: the run was stopped before this host was begun",
        "web-2 edge": "skipped: the run was stopped before base was done on this host",
        "web-3 base": "skipped: the run was stopped before this host was begun",
        "web-3 edge": "skipped: the run was stopped before base was done on this host",
    }
    assert world.apply().status == "succeeded"


def test_a_module_that_says_all_is_well_is_not_believed(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.machine("web-1")), "perform", lambda self, call: True)
    run = world.apply()
    assert set(results(run).values()) == {"failed"}
    assert left(run)["web-1 base"] == "failed: file//etc/b: was applied, but the host still differs: content"
    assert world.owned("web-1") == {}


def test_a_saved_plan_runs_once(world: Fleet) -> None:
    made = world.plan().plan
    assert world.apply(reconcile.saved(world.world, made, None)).status == "succeeded"
    with pytest.raises(Stalled, match="applied already, in run 1"):
        reconcile.saved(world.world, made, None)


def test_a_saved_plan_is_refused_when_git_has_moved(world: Fleet) -> None:
    made = world.plan().plan
    world.commit({"services": {"base": files("b", text="y\n")}})
    with pytest.raises(Stalled, match="and Git is at"):
        reconcile.saved(world.world, made, None)
    assert reconcile.saved(world.world, made, made.revision).plan is made


def test_a_plan_of_two_people_is_carried_out_once(world: Fleet) -> None:
    mine, yours = world.plan(), world.plan()
    assert world.apply(mine).status == "succeeded"
    late = world.apply(yours)
    assert late.status == "failed"
    assert {value.partition(":")[0] for value in left(late).values()} == {"stale", "skipped"}


def test_a_delete_needs_our_record_also_when_it_is_carried_out(world: Fleet) -> None:
    world.apply()
    world.commit({"services": {"edge": None}})
    planned = world.plan()
    world.store.save_ownership([type(ours)(ours.host, ours.path) for ours in world.store.ownership().values()])
    run = world.apply(planned)
    assert left(run)["web-1 edge"] == "stale: what the plan deletes is not on record as ours any more"
    assert "/etc/e" in world.machine("web-1").paths


def test_only_one_run_at_a_time(world: Fleet) -> None:
    with world.store.hold("apply"), pytest.raises(Retry):
        world.apply()


def test_listeners_hear_what_happens_in_order(world: Fleet) -> None:
    planned = world.plan()
    world.ears.heard.clear()
    world.apply(planned)
    heard = world.ears.heard
    assert [type(event) for event in heard] == [
        RunStarted, StepStarted, *[HostWorking, HostFinished] * 3, StepFinished,
        StepStarted, *[HostWorking, HostFinished] * 3, StepFinished, RunFinished,
    ]  # fmt: skip
    assert heard[0] == RunStarted(1, planned.plan.digest, 2, 3)
    assert heard[-1] == RunFinished(1, "succeeded")


def test_a_run_is_ended_when_the_carrier_can_send_nothing(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = world.plan()

    def missing(*_: object) -> None:
        raise Stalled("Ansible is not there")

    monkeypatch.setattr(world.carrier, "carry", missing)
    with pytest.raises(Stalled, match="Ansible is not there"):
        world.apply(planned)
    [run] = world.store.runs()
    assert run.status == "failed"
