"""What holds for every fleet: plans converge, delete only what is ours, and depend on nothing but their inputs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.assessing.assess import assess
from reconciler.core.assessing.heads import standing
from reconciler.core.linking.link import link
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser, parse
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan import Scope, Seen, make_plan
from reconciler.core.planning.plan_json import plan_bytes, plan_document, read_plan
from reconciler.core.resolving import column
from reconciler.core.resolving.resolve import resolve
from reconciler.kinds import builtin
from reconciler.loop.library import Library
from reconciler.loop.observe import Freshness
from reconciler.loop.world import Memory
from reconciler.model.desired import Desired
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.plan import Plan
from tests.fakes.fleet import Fleet, fleet, written
from tests.fakes.machine import Machine, file
from tests.properties.fleets import BY_HAND, HOSTS, SHARED, states

ROOT = Path(__file__).parents[2]
FLEETS = settings(max_examples=40)


def put_there(world: Fleet, by_hand: dict[str, dict[str, str]]) -> None:
    for host, files in by_hand.items():
        world.machine(host).paths.update({path: file(text) for path, text in files.items()})


def things(machine: Machine) -> set[str]:
    """Everything on a machine that can be created or deleted."""
    return {*machine.paths, *machine.packages, *(f"{kind} {name}" for kind, name in machine.accounts)}


@FLEETS
@given(states(), states(), BY_HAND)
def test_applying_a_plan_converges(first: dict[str, Any], second: dict[str, Any], by_hand: dict[str, Any]) -> None:
    with fleet(first) as world:
        put_there(world, by_hand)
        for state in (first, second):
            world.commit({"services": dict.fromkeys(first["services"]) | state["services"], "hosts": state["hosts"]})
            run = world.apply()
            assert run.status == "succeeded", run
            assert world.plan().plan.summary.changes == 0
            assert world.apply().outcomes == ()


@FLEETS
@given(states(), states(), BY_HAND)
def test_only_what_we_created_is_deleted(
    first: dict[str, Any], second: dict[str, Any], by_hand: dict[str, Any]
) -> None:
    with fleet(first) as world:
        put_there(world, by_hand)
        theirs = {host: things(world.machine(host)) for host in HOSTS}
        world.apply()
        world.commit({"services": dict.fromkeys(first["services"]) | second["services"]})
        world.apply()
        for host in HOSTS:
            assert theirs[host] <= things(world.machine(host))


@FLEETS
@given(
    states(whole=True),
    st.sets(st.tuples(st.sampled_from(HOSTS), st.sampled_from(SHARED))),
    st.sets(st.sampled_from(HOSTS)),
)
def test_unknown_never_yields_a_change(state: dict[str, Any], hidden: set[tuple[str, str]], away: set[str]) -> None:
    with fleet(state) as world:
        world.apply()
        world.carrier.unreachable = dict.fromkeys(away, "ssh: timed out")
        for host, path in hidden:
            world.machine(host).unreadable.add(Key("file", path))
        world.commit({"services": {"base": None, "edge": None}})
        for _ in range(2):
            plan = world.plan().plan
            for step in plan.steps:
                for program, hosts in step.programs.items():
                    assert away.isdisjoint(hosts)
                    changed = {change.key.name for change in plan.programs[program].changes}
                    assert not {path for host, path in hidden if host in hosts} & changed
            world.apply()


def resolved(files: dict[str, str | None], order: random.Random | None = None) -> Desired:
    """The desired state of files that are read in any order."""
    blobs = [(path, (text or "").encode()) for path, text in files.items()]
    if order:
        order.shuffle(blobs)
    kinds = builtin()
    return resolve("r", link(parse(blobs, kinds), kinds, allow_local=True), lambda _: None, kinds)


@FLEETS
@given(states(), BY_HAND, st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_documents_or_hosts(
    state: dict[str, Any], by_hand: dict[str, Any], order: random.Random
) -> None:
    with fleet(state) as world:
        put_there(world, by_hand)
        planned = world.plan()
        documents = written(state)
        desired = resolved(documents, order)
        assert desired.problems == planned.read.desired.problems
        desired = replace(desired, revision=planned.plan.revision)
        observations = list(planned.observations.items())
        ownership = list(planned.ownership.items())
        order.shuffle(observations)
        order.shuffle(ownership)
        assessment = assess(desired, dict(observations), dict(ownership), builtin())
        seen = Seen(standing(desired, world.store.heads()), dict(ownership))
        again = make_plan(assessment, desired, seen, Scope(), Caution())
        assert plan_bytes(again) == plan_bytes(planned.plan)


def planned_anew(world: Fleet) -> Plan:
    """As in a new process."""
    memory, library = world.memory, world.library
    world.memory, world.library = Memory(), Library(world.source, Parser(world.kinds, DEFAULT))
    made = world.plan(freshness=Freshness(None)).plan
    world.memory, world.library = memory, library
    return made


@FLEETS
@given(states(), states(), BY_HAND)
def test_a_plan_is_the_same_without_memory_of_the_last_one(
    first: dict[str, Any], second: dict[str, Any], by_hand: dict[str, Any]
) -> None:
    with mock.patch.object(column, "OWN", 0), fleet(first) as world:
        world.apply()
        world.plan()
        world.commit({"services": dict.fromkeys(first["services"]) | second["services"], "hosts": second["hosts"]})
        assert plan_bytes(world.plan(freshness=Freshness(None)).plan) == plan_bytes(planned_anew(world))
        put_there(world, by_hand)
        assert plan_bytes(world.plan().plan) == plan_bytes(planned_anew(world))
        world.apply()
        assert plan_bytes(world.plan().plan) == plan_bytes(planned_anew(world))


def rich_plan() -> Plan:
    """A plan with something of everything in it."""
    text = "{{ host.name }} {{ vars.v }}\n"
    unit = {"service": "nginx", "state": "running", "reload_on": ["file//etc/a"]}
    resources = [{"package": "nginx"}, {"file": "/etc/a", "content": text, "mode": "0644"}, unit]
    with fleet(
        {
            "hosts": {name: {"role": "web"} for name in ("web-1", "web-2", "web-3", "gone")},
            "services": {
                "base": {
                    "vars": {"v": 1},
                    "resources": [*resources, {"file": "/etc/p", "content": "x", "protect": True}],
                },
                "edge": {"requires": ["base"], "resources": [{"file": "/etc/e", "content": "x"}]},
                "old": {"requires": ["edge"], "resources": [{"file": "/etc/o", "content": "x"}]},
            },
        }
    ) as world:
        world.apply()
        world.machine("web-2").paths["/etc/a"] |= {"content": b"by hand\n", "mode": "0600"}
        world.carrier.unreachable["web-3"] = "ssh: timed out"
        base = {"vars": {"v": 2}, "resources": resources}
        world.commit({"hosts": {"gone": None}, "services": {"base": base, "old": None}})
        return world.plan().plan


def test_a_plan_does_not_depend_on_the_hash_seed() -> None:
    code = "from tests.properties.test_plans import rich_plan; print(rich_plan().digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("0", "1", "42")
    }  # fmt: skip
    assert digests == {rich_plan().digest + "\n"}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [leaf for key, item in items for leaf in leaves(item, (*path, key))] or [path]


def altered(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy with something else at the path."""
    if path:
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[path[0]] = altered(copy[path[0]], path[1:])
        return copy
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return (
                "2026-01-01T00:00:00Z"
                if value.endswith("Z")
                else {"pending": "drift", "drift": "pending"}.get(value, value + "x")
            )
        case list():
            return ["x/y"] if not value else []
        case dict():
            return {"x": "y"}
        case _:
            return "2"


def test_the_digest_of_a_plan_covers_everything_in_it() -> None:
    document = plan_document(rich_plan())
    assert plan_document(read_plan(orjson.dumps(document))) == document
    paths = [path for path in leaves(document) if altered(document, path) != document]
    assert len(paths) > 100
    for path in paths:
        with pytest.raises(Stalled):
            read_plan(orjson.dumps(altered(document, path)))
