"""A snapshot gives back what the store knew, says equal things once, and gives the same plans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.observing.snapshot import Contents, read_snapshot, snapshot_bytes
from reconciler.core.planning.plan import Scope
from reconciler.loop.grounds import Grounds, plan_from
from reconciler.loop.world import Memory
from reconciler.model.errors import Stalled
from reconciler.model.observation import Observation
from reconciler.model.order import Order, Orders
from reconciler.ports import Known
from tests.fakes.fleet import START, Fleet, fleet

HOSTS = {f"web-{number}": {"role": "web"} for number in range(1, 6)}


def service(text: str = "one\n") -> dict[str, Any]:
    resources = [{"file": "/etc/app.conf", "content": text}, {"file": "/etc/name", "content": "{{ host.name }}\n"}]
    return {"resources": resources}


@pytest.fixture
def world() -> Iterator[Fleet]:
    """Hosts in order but for one that drifts, one that is away, and one that nobody names any more."""
    with fleet({"hosts": HOSTS, "services": {"app": service()}}) as world:
        assert world.apply().status == "succeeded"
        world.plan()
        world.clock.pass_by(30)
        world.machine("web-2").paths["/etc/app.conf"]["content"] = b"by hand\n"
        world.carrier.unreachable["web-3"] = "ssh: timed out"
        world.commit({"hosts": {"web-5": None, "web-6": {"role": "web"}}, "services": {"app": service("two\n")}})
        world.plan()
        yield world


def contents(world: Fleet, orders: Orders | None = None) -> Contents:
    store = world.store
    return Contents(
        world.clock.time, store.id, orders or Orders(), store.heads(), store.observations(), store.ownership()
    )


def plain(seen: Observation) -> tuple[Any, ...]:
    facts = {key: (fact.query, fact.facts, fact.facts_digest) for key, fact in seen.facts.items()}
    times = (seen.observed_at, seen.asked_at, dict(seen.since))
    return (seen.host, *times, seen.identity, seen.fingerprint, facts, seen.unreachable)


def test_what_the_store_knew_comes_back_exactly(world: Fleet) -> None:
    back, store = read_snapshot(snapshot_bytes(contents(world))), world.store
    assert back.heads() == dict(store.heads())
    assert {h: plain(o) for h, o in back.observations().items()} == {
        h: plain(o) for h, o in store.observations().items()
    }
    ours = {host: (each.path, dict(each.owned)) for host, each in store.ownership().items()}
    assert {host: (each.path, dict(each.owned)) for host, each in back.ownership().items()} == ours
    assert (back.taken_at, back.store) == (world.clock.time, store.id)
    assert set(back.observations({"web-1", "nobody"})) == set(back.ownership({"web-1"})) == {"web-1"}


def test_it_gives_the_same_plans_as_the_store(world: Fleet) -> None:
    desired = world.plan().read.desired
    known: tuple[Known, ...] = (world.store, read_snapshot(snapshot_bytes(contents(world))))
    made = [plan_from(Grounds(each, world.kinds, world.caution, Memory()), desired, Scope()).plan for each in known]
    assert made[0].digest == made[1].digest
    assert made[0].steps


def test_the_order_in_which_hosts_come_makes_no_difference(world: Fleet) -> None:
    once = contents(world)
    turned = Contents(
        once.taken_at,
        once.store,
        once.orders,
        dict(reversed(once.heads.items())),
        dict(reversed(once.observations.items())),
        dict(reversed(once.ownership.items())),
    )
    assert snapshot_bytes(once) == snapshot_bytes(turned)


def test_equal_things_stand_in_it_once_and_are_one_object_again() -> None:
    hosts = {f"web-{number}": {"role": "web"} for number in range(40)}
    same = {"resources": [{"file": "/etc/app.conf", "content": "one\n"}]}
    with fleet({"hosts": hosts, "services": {"app": same}}) as world:
        world.apply()
        world.plan()
        data = snapshot_bytes(contents(world))
    document = json.loads(data)
    counts = {name: len(document[name]) for name in ("facts", "answers", "owned", "records", "hosts")}
    assert counts == {"facts": 1, "answers": 1, "owned": 1, "records": 1, "hosts": 40}
    assert len({id(each.facts) for each in read_snapshot(data).observations().values()}) == 1


def test_orders_come_back(world: Fleet) -> None:
    until = START + timedelta(days=1)
    orders = Orders(
        Order("pause", "ada", "an incident", START),
        (Order("freeze", "ada", "holidays", START, "project:web", until),),
        {"app": Order("pin", "bob", "wait", START, "app", until, "a" * 40)},
    )
    assert read_snapshot(snapshot_bytes(contents(world, orders))).orders == orders


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no snapshot of observations"),
        (b"[]", "no snapshot of observations"),
        (b"{}", "no snapshot of observations"),
        (b'{"format_version": 1}', "no snapshot of observations"),
        (b'{"format_version": 9}', "format_version 9; this version of Reconciler reads 1"),
    ],
)
def test_what_is_none_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Stalled) as error:
        read_snapshot(data)
    assert says in error.value.message
    assert "observe export" in error.value.hint
