"""Asking hosts: who is asked, how often, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reconciler.loop.observe import Freshness
from reconciler.model.errors import Stalled
from reconciler.model.event import HostObserved, ObserveFinished, ObserveStarted
from reconciler.model.key import Key
from tests.fakes.fleet import START, Fleet, fleet

HOSTS = {"web-1": {"role": "web"}, "web-2": {"role": "web"}, "spare-1": {"role": "spare"}}
A = Key("file", "/etc/a")
TEN = Freshness(timedelta(minutes=10))


@pytest.fixture
def world() -> Iterator[Fleet]:
    services = {"edge": {"resources": [{"file": "/etc/a", "content": "x"}, {"package": "nginx"}]}}
    with fleet({"hosts": HOSTS, "services": services}) as world:
        yield world


def asked(world: Fleet) -> list[str]:
    """Who was asked since the last time."""
    hosts = [delivery.host.name for delivery in world.carrier.sent]
    world.carrier.sent.clear()
    return hosts


def test_each_host_is_asked_once_for_all_that_is_managed(world: Fleet) -> None:
    world.plan()
    assert [set(delivery.payload.queries) for delivery in world.carrier.sent] == [{A, Key("package", "nginx")}] * 2
    assert asked(world) == ["web-1", "web-2"], "nobody wants anything of spare-1"
    assert set(world.store.observations()) == {"web-1", "web-2"}


def test_answers_are_used_as_long_as_they_are_fresh(world: Fleet) -> None:
    world.plan(freshness=TEN)
    assert asked(world) == ["web-1", "web-2"]
    world.clock.pass_by(9)
    world.plan(freshness=TEN)
    assert asked(world) == []
    world.clock.pass_by(1)
    world.plan(freshness=TEN)
    assert asked(world) == ["web-1", "web-2"]


def test_a_new_question_is_asked_at_once(world: Fleet) -> None:
    world.plan()
    asked(world)
    world.commit({"services": {"more": {"resources": [{"file": "/etc/m", "content": "x"}]}}})
    world.plan(freshness=TEN)
    assert asked(world) == ["web-1", "web-2"]


def test_nobody_is_asked_when_only_the_store_counts(world: Fleet) -> None:
    planned = world.plan(freshness=Freshness(None))
    assert (asked(world), world.ears.heard) == ([], [])
    assert [(b.reason, b.hosts) for b in planned.plan.blocked] == [("not-observed", ("web-1", "web-2"))]
    assert planned.plan.summary.changes == 0


def test_an_unreachable_host_keeps_its_last_answer_and_is_asked_again(world: Fleet) -> None:
    world.plan()
    asked(world)
    world.clock.pass_by(1)
    world.carrier.unreachable["web-1"] = "ssh: timed out"
    world.plan()
    seen = world.store.observations()["web-1"]
    assert (seen.unreachable, seen.observed_at, seen.asked_at) == (
        "ssh: timed out", START, START + timedelta(minutes=1),
    )  # fmt: skip
    assert A in seen.facts
    del world.carrier.unreachable["web-1"]
    asked(world)
    world.plan(freshness=TEN)
    assert asked(world) == ["web-1"]


def test_since_is_when_something_else_was_first_seen(world: Fleet) -> None:
    world.apply()
    world.clock.pass_by(10)
    world.machine("web-1").paths["/etc/a"]["content"] = b"by hand"
    world.plan()
    moved = world.clock.time
    world.clock.pass_by(10)
    world.plan()
    assert dict(world.store.observations()["web-1"].since) == {A: moved}
    world.apply()
    assert dict(world.store.observations()["web-1"].since) == {}, "what we change ourselves is no news"


def test_listeners_hear_of_each_host(world: Fleet) -> None:
    world.carrier.unreachable["web-2"] = "ssh: timed out"
    world.plan()
    assert world.ears.heard[0] == ObserveStarted(2)
    assert [type(event) for event in world.ears.heard[1:-1]] == [HostObserved] * 2
    assert world.ears.heard[-1] == ObserveFinished(1, 1)


def test_hosts_with_the_same_questions_share_one_payload(world: Fleet) -> None:
    world.plan()
    assert len({id(delivery.payload) for delivery in world.carrier.sent}) == 1


def test_an_empty_repository_plans_nothing(world: Fleet) -> None:
    world.apply()
    world.source.commit(dict.fromkeys(world.source.files))
    with pytest.raises(Stalled, match="there is no document"):
        world.plan()
    assert "/etc/a" in world.machine("web-1").paths


def test_watching_writes_down_what_is_in_order_and_nothing_else(world: Fleet) -> None:
    from reconciler.loop.reconcile import watch

    world.machine("web-1").packages["nginx"] = "1.0"
    watch(world.world, world.plan())
    assert set(world.owned("web-1")) == {"package/nginx"}
    assert world.owned("web-1")["package/nginx"].created is False
    assert world.owned("web-2") == {}
    del world.machine("web-1").packages["nginx"]
    [change] = [c for c in changes(world) if c.key == Key("package", "nginx") and c.cause == "drift"]
    assert change.action == "create"


def changes(world: Fleet) -> list:
    return [change for program in world.plan().plan.programs.values() for change in program.changes]
