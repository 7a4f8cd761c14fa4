"""What our records say after a run: what is ours, what was there, what is still owed, and no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model.key import Key
from tests.fakes.fleet import Fleet, fleet
from tests.fakes.machine import file

UNIT = {"service": "nginx", "state": "running", "reload_on": ["file//etc/a"]}
HASH = "$6$rounds=5000$saltsalt$" + "x" * 40


def edge(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"services": {"edge": {"resources": list(resources)}}}


def conf(text: str) -> dict[str, Any]:
    return {"file": "/etc/a", "content": text}


@pytest.fixture
def world() -> Iterator[Fleet]:
    with fleet({"hosts": {"web-1": {"role": "web"}}}) as world:
        yield world


def test_a_record_holds_what_it_takes_to_tell_drift_and_to_remove_it(world: Fleet) -> None:
    world.commit(
        edge({"file": "/etc/a", "content": "x", "mode": "0644", "requires": ["package/nginx"]}, {"package": "nginx"})
    )
    run = world.apply()
    owned = world.owned("web-1")["file//etc/a"]
    assert (owned.service, owned.created, owned.run, owned.path) == ("edge", True, run.id, "services/edge.yaml")
    assert (owned.revision, owned.at, owned.requires) == (run.revision, run.started_at, (Key("package", "nginx"),))
    assert set(owned.state) == {"content", "mode"}
    assert "content" not in owned.spec, "what it takes to remove a file is its path"


def test_no_secret_is_remembered(world: Fleet) -> None:
    world.commit(
        edge({"user": "deploy", "password": HASH}, {"file": "/etc/s", "content": "hunter2", "sensitive": True})
    )
    assert world.apply().status == "succeeded"
    text = repr(world.owned("web-1"))
    assert "saltsalt" not in text
    assert "hunter2" not in text
    assert world.plan().plan.summary.changes == 0


@pytest.mark.parametrize("order", [[conf("x"), UNIT], [UNIT, conf("x")]])
def test_a_unit_that_we_start_is_ours_also_when_it_reacts_to_something(world: Fleet, order: list[Any]) -> None:
    world.commit(edge({"package": "nginx"}, *order))
    world.apply()
    assert world.owned("web-1")["service/nginx"].created is True


def test_what_was_there_stays_adopted_even_if_we_put_it_back(world: Fleet) -> None:
    world.machine("web-1").paths["/etc/a"] = file("theirs")
    world.commit(edge(conf("ours")))
    world.apply()
    assert world.owned("web-1")["file//etc/a"].created is False
    del world.machine("web-1").paths["/etc/a"]
    world.apply()
    assert world.owned("web-1")["file//etc/a"].created is False


def test_adopted_things_stay_when_they_leave_git(world: Fleet) -> None:
    world.machine("web-1").paths["/etc/a"] = file("theirs")
    world.commit(edge(conf("ours"), {"file": "/etc/b", "content": "x"}))
    world.apply()
    world.commit(edge({"file": "/etc/b", "content": "x"}))
    planned = world.plan()
    assert [(r.key.name, r.reason) for r in planned.plan.releases] == [("/etc/a", "it was there before us")]
    world.apply(planned)
    assert world.machine("web-1").paths["/etc/a"]["content"] == b"ours"
    assert set(world.owned("web-1")) == {"file//etc/b"}


def test_a_reload_is_owed_until_it_went_through(world: Fleet) -> None:
    world.commit(edge({"package": "nginx"}, conf("one"), UNIT))
    world.apply()
    assert world.owned("web-1")["service/nginx"].reacted == {"file//etc/a": world.owned("web-1")["file//etc/a"].desired}
    world.commit(edge({"package": "nginx"}, conf("two"), UNIT))
    world.machine("web-1").failing.add(Key("service", "nginx"))
    world.apply()
    assert world.owned("web-1")["service/nginx"].reacted == {"file//etc/a": ""}
    world.machine("web-1").failing.clear()
    before = list(world.machine("web-1").done)
    world.apply()
    assert world.machine("web-1").done[len(before) :] == ["reloaded nginx.service"]
    assert world.owned("web-1")["service/nginx"].reacted == {"file//etc/a": world.owned("web-1")["file//etc/a"].desired}
    assert world.plan().plan.summary.changes == 0


def test_a_released_host_is_forgotten(world: Fleet) -> None:
    world.commit({"hosts": {"web-2": {"role": "web"}}} | edge(conf("x")))
    world.apply()
    world.commit({"hosts": {"web-1": None}})
    world.apply()
    assert world.owned("web-1") == {}
    assert "/etc/a" in world.machine("web-1").paths
    assert world.plan().plan.releases == ()


def test_a_moved_resource_belongs_to_its_new_service(world: Fleet) -> None:
    world.commit(edge(conf("x")))
    world.apply()
    world.commit({"services": {"edge": None, "core": {"resources": [conf("x")]}}})
    world.apply()
    owned = world.owned("web-1")["file//etc/a"]
    assert (owned.service, owned.path, owned.created) == ("core", "services/core.yaml", True)


def test_protection_is_on_record_as_soon_as_it_is_applied(world: Fleet) -> None:
    other = {"file": "/etc/b", "content": "x"}
    world.commit(edge(conf("x"), other))
    world.apply()
    world.commit(edge(conf("x") | {"protect": True}, other))
    world.apply()
    world.commit(edge(other))
    assert [b.reason for b in world.plan().plan.blocked] == ["protected"]
