"""One screen for who is on call: what it says of a fleet that is in trouble, and that it never asks a host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reconciler.core.explain.status_text import status_document, status_text
from reconciler.loop.overview import status
from reconciler.model.order import Order
from tests.fakes.fleet import Fleet, fleet

HOSTS = {f"web-{n}": {"role": "web", "rack": "r1" if n < 5 else "r2"} for n in range(1, 9)}
SWAP = {"sysctl": "vm.swappiness", "value": "10"}
MOTD = {"file": "/etc/motd", "content": "hello\n"}
SERVICES = {"base": {"resources": [SWAP], "owner": "team-infra"}, "edge": {"resources": [MOTD]}}


@pytest.fixture
def world() -> Iterator[Fleet]:
    with fleet({"hosts": HOSTS, "services": SERVICES}) as made:
        made.apply()
        made.plan()
        yield made


def screen(world: Fleet) -> str:
    sent = len(world.carrier.sent)
    said = "\n".join(line.text for line in status_text(status(world.world), world.clock.now()))
    assert len(world.carrier.sent) == sent, "no host is asked"
    return said


def test_all_is_well(world: Fleet) -> None:
    said = screen(world)
    assert said.startswith("● as Git says   no daemon leads\n")
    assert "8 of 8 hosts answered (100.0%)" in said
    assert "limits       none is near" in said
    assert "2 services are in order" in said
    assert "run 1 succeeded" in said


def test_hosts_that_are_silent_have_something_in_common(world: Fleet) -> None:
    world.clock.pass_by(10)
    world.carrier.unreachable = {f"web-{n}": "ssh: timed out" for n in range(1, 5)}
    world.plan()
    said = screen(world)
    assert "4 hosts (ssh: timed out); 4 of them have rack=r1, as 4 hosts do, not heard of since" in said
    found = status_document(status(world.world))["outlook"]["unreachable"]
    assert (found["label"], found["with_label"], len(found["hosts"])) == ("rack=r1", 4, 4)


def test_drift_and_pending_changes_say_what_they_wait_for(world: Fleet) -> None:
    world.machine("web-2").kernel["vm.swappiness"] = "60"
    world.commit({"services": {"edge": {"resources": [{**MOTD, "content": "new\n"}]}}})
    world.plan()
    said = screen(world)
    assert said.startswith("◆ not as Git says")
    assert "drift        1 thing on 1 host, the oldest since" in said
    assert "base   1 drift · drift is reported only (heal: report)" in said
    assert "edge   8 pending · pending changes wait for `reconciler apply` (sync: manual)" in said


def test_what_holds_everything_up_comes_first(world: Fleet) -> None:
    now = world.clock.now()
    world.store.give_order(Order("pause", "ada", "INC-7", now))
    world.store.give_order(Order("freeze", "bob", "audit", now, "service:edge", now + timedelta(hours=2)))
    first, second, third = screen(world).splitlines()[:3]
    assert first.startswith("▮ paused")
    assert second == "paused by ada 0 s ago: INC-7"
    assert third.startswith("service:edge is frozen until ")


def test_a_run_that_is_at_work_says_how_far_it_is(world: Fleet) -> None:
    world.commit({"services": {"edge": {"resources": [{**MOTD, "content": "new\n"}]}}})
    made = world.plan().plan
    with world.store.hold("apply") as held:
        world.store.begin_run(made, "ada", world.clock.now(), held.epoch)
        said = screen(world)
    assert said.startswith("● applying")
    assert "edge   rolling out · 0/8 hosts · 0 failed" in said
    assert "run 2 running begun" in said


def test_a_limit_that_would_refuse_is_named_with_the_way_on(world: Fleet) -> None:
    hosts = {f"web-{n}": {"role": "web", "rack": "r3"} for n in range(9, 30)}
    world.commit({"hosts": hosts})
    world.apply()
    world.plan()
    for host in [*HOSTS, *hosts]:
        world.machine(host).kernel["vm.swappiness"] = "60"
    world.plan()
    said = screen(world)
    assert said.startswith("▲ held by a limit")
    assert "this plan undoes drift on 29 hosts at once; the limit is 10" in said
    assert "reconciler approve" in said
    assert "drift on 29 of 10 hosts that are healed" in said


def test_without_git_it_says_what_the_store_knows(world: Fleet) -> None:
    found = status(world.world, "no-such-branch")
    assert found.outlook is None
    said = "\n".join(line.text for line in status_text(found, world.clock.now()))
    assert said.startswith("▲ not known")
    assert "run 1 succeeded" in said
