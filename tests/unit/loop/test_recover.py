"""Recovering a run whose process died: what the hosts in doubt say decides, and only that is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from reconciler.core.explain.run_text import recovered_line
from reconciler.core.planning.plan_json import read_plan
from reconciler.core.running.recovery import BETWEEN, GONE, NOT_BEGUN, NOT_KNOWN
from reconciler.loop import reconcile
from reconciler.model.event import RunRecovered
from reconciler.model.plan import Plan
from reconciler.model.run import Run
from tests.fakes.fleet import START, Fleet, fleet

WEB = {f"web-{number}": {"role": "web"} for number in (1, 2, 3)}
TWO = {"resources": [{"file": "/etc/a", "content": "1\n"}, {"file": "/etc/b", "content": "1\n"}]}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def world() -> Iterator[Fleet]:
    with fleet({"hosts": WEB, "services": {"base": TWO}}) as world:
        yield world


def dies(world: Fleet, patch: pytest.MonkeyPatch, before: str = "record") -> Run:
    """A run whose process dies before it can write anything down; hosts have done all."""

    def die(*_: Any) -> None:
        raise Killed

    planned = world.plan()
    with patch.context() as patched, suppress(Killed):
        patched.setattr(world.store, before, die)
        patched.setattr(world.store, "end_run", die)
        world.apply(planned)
    [left] = world.store.unfinished()
    return left


def recovered(world: Fleet, run: Run) -> tuple[Run, RunRecovered]:
    world.ears.heard.clear()
    world.carrier.sent.clear()
    reconcile.settle_interrupted(world.world)
    [event] = [event for event in world.ears.heard if isinstance(event, RunRecovered)]
    found = world.store.run(run.id)
    assert found is not None
    assert (found.status, world.store.unfinished()) == ("interrupted", [])
    return found, event


def plan_of(world: Fleet, run: Run) -> Plan:
    return read_plan(world.store.plan(run.plan) or b"")


def left(run: Run) -> dict[str, str]:
    return {host: f"{o.status}: {o.reason}" for o in run.host_outcomes for host in o.hosts}


def test_what_was_done_is_ours_and_is_not_done_again(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    found, event = recovered(world, run)
    assert (event.done, event.untouched, event.unclear, left(found)) == (3, 0, 0, {})
    assert [delivery.payload.works for delivery in world.carrier.sent] == [()] * 3
    assert {delivery.epoch for delivery in world.carrier.sent} == {run.epoch + 1}
    assert {owned.created for owned in world.owned("web-1").values()} == {True}
    assert world.plan().plan.steps == ()
    assert recovered_line(event) == (
        f"run {run.id} (begun 2026-11-23 09:01 UTC) was interrupted; 3 hosts were asked again: 3 done"
    )


def test_hosts_that_nothing_reached_are_as_before(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> None:
        raise Killed

    planned = world.plan()
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(world.carrier, "carry", nothing)
        patched.setattr(world.store, "end_run", nothing)
        world.apply(planned)
    found, event = recovered(world, world.store.unfinished()[0])
    assert (event.done, event.untouched, event.unclear) == (0, 3, 0)
    assert left(found) == dict.fromkeys(WEB, f"skipped: {NOT_BEGUN}")
    assert world.owned("web-1") == {}
    assert world.apply().status == "succeeded"


def test_a_host_that_never_accepted_the_epoch_did_not_do_it(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else did the same by hand meanwhile: that is not our work."""
    run = dies(world, monkeypatch, "intend")
    with world.store.hold("apply") as held:
        run = world.store.take_over(run, held.epoch)
        world.store.intend(run, plan_of(world, run).steps[0].id, ["web-1"])
    world.machine("web-1").paths["/etc/a"] = world.machine("web-1").paths["/etc"] | {"type": "file", "content": b"1\n"}
    found, _ = recovered(world, run)
    assert left(found) == {"web-1": f"skipped: {NOT_BEGUN}"}
    assert world.owned("web-1") == {}


def test_a_host_in_between_is_finished_by_the_next_plan(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    del world.machine("web-2").paths["/etc/b"]
    found, event = recovered(world, run)
    assert (event.done, event.unclear, left(found)) == (2, 1, {"web-2": f"stale: {BETWEEN}"})
    assert set(world.owned("web-2")) == {"file//etc/a"}
    again = world.apply()
    assert {(str(o.key), *o.hosts) for o in again.outcomes} == {("file//etc/b", "web-2")}


def test_a_host_that_does_not_answer_stays_unclear(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    world.carrier.unreachable["web-3"] = "ssh: timed out"
    found, event = recovered(world, run)
    assert (event.done, event.unclear) == (2, 1)
    assert left(found)["web-3"] == "lost: interrupted, and not answered since: ssh: timed out"


def test_whether_it_was_reloaded_is_not_known_so_it_is_done_again(
    world: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    nginx = {"service": "nginx", "state": "running", "reload_on": ["file//etc/a"], "requires": ["package/nginx"]}
    world.commit({"services": {"base": {"resources": [*TWO["resources"], {"package": "nginx"}, nginx]}}})
    assert world.apply().status == "succeeded"
    changed = [{"file": "/etc/a", "content": "2\n"}, TWO["resources"][1]]
    world.commit({"services": {"base": {"resources": [*changed, {"package": "nginx"}, nginx]}}})
    run = dies(world, monkeypatch)
    found, event = recovered(world, run)
    assert (event.done, event.unclear) == (0, 3)
    assert {o.message for o in found.outcomes if o.action == "reload"} == {NOT_KNOWN}
    again = world.apply()
    assert {(str(o.key), o.action) for o in again.outcomes} == {("service/nginx", "reload")}
    assert world.plan().plan.steps == ()


def test_a_delete_is_judged_by_what_is_on_record(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.apply().status == "succeeded"
    world.commit({"services": {"base": {"resources": TWO["resources"][:1]}}})
    run = dies(world, monkeypatch)
    found, event = recovered(world, run)
    assert (event.done, left(found)) == (3, {})
    assert set(world.owned("web-1")) == {"file//etc/a"}


def test_a_run_whose_revision_is_gone_is_ended_without_a_guess(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    world.source._trees.pop(run.revision)
    world.commit({"services": {"base": {"resources": TWO["resources"][:1]}}})
    found, event = recovered(world, run)
    assert (event.unclear, left(found)) == (3, dict.fromkeys(WEB, f"lost: {GONE}"))
    assert world.owned("web-1") == {}


def test_hosts_with_an_outcome_are_not_asked(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = world.plan()
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(world.store, "end_run", lambda *_: (_ for _ in ()).throw(Killed()))
        world.apply(planned)
    _, event = recovered(world, world.store.unfinished()[0])
    assert (event.asked, world.carrier.sent) == (0, [])
    assert recovered_line(event).endswith("was interrupted; no host is in doubt")


def test_a_saved_plan_goes_on_where_it_was(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.plan().plan
    with monkeypatch.context() as patched, suppress(Killed):
        seen: list[str] = []

        def some(deliveries: Any, *more: Any) -> Iterator[Any]:
            for reply in type(world.carrier).carry(world.carrier, deliveries, *more):
                seen.append(reply.host)
                if len(seen) == 2:
                    raise Killed
                yield reply

        patched.setattr(world.carrier, "carry", some)
        patched.setattr(world.store, "end_run", lambda *_: (_ for _ in ()).throw(Killed()))
        world.apply(reconcile.saved(world.world, made, None))
    recovered(world, world.store.unfinished()[0])
    world.carrier.sent.clear()
    again = world.apply(reconcile.saved(world.world, made, None))
    assert [delivery.host.name for delivery in world.carrier.sent] == ["web-3"], "the others have done it"
    assert (again.plan, again.status) == (made.digest, "succeeded")


def test_what_may_be_ours_is_not_adopted_while_it_is_in_doubt(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    reconcile.watch(world.world, world.plan())
    assert world.store.ownership() == {}
    recovered(world, run)
    assert {owned.created for owned in world.owned("web-2").values()} == {True}


def test_a_recovery_that_is_stopped_is_gone_on_with(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = dies(world, monkeypatch)
    answers = iter([False, True])
    reconcile.settle_interrupted(world.world, lambda: next(answers, True))
    assert [left.id for left in world.store.unfinished()] == [run.id]
    _, event = recovered(world, run)
    assert event.done == 2, "the first was asked already"


def test_applying_recovers_first(world: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = world.plan()
    run = dies(world, monkeypatch)
    late = world.apply(planned)
    assert [r.status for r in world.store.runs()] == [late.status, "interrupted"]
    assert (late.epoch, late.id) == (run.epoch + 1, run.id + 1)
    assert {owned.created for owned in world.owned("web-1").values()} == {True}


def test_old_runs_are_forgotten_after_an_apply(world: Fleet) -> None:
    first = world.apply()
    world.clock.time = START.replace(year=2027)
    world.commit({"services": {"base": {"resources": TWO["resources"][:1]}}})
    assert world.apply().status == "succeeded"
    assert [run.id for run in world.store.runs()] == [first.id + 1]
