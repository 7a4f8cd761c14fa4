"""Plans are tested by data: each file `tests/plans/<topic>/<case>.yaml` is a story and the plan that must come of it.

    about: what the case is for
    before: {hosts: …, services: …}          # applied first, if given; the short form of `tests.fakes.fleet.written`
    then: {services: …}                      # applied after it, as `before`
    meanwhile:                               # what somebody does to hosts by hand before the plan is made
      web-1:
        files: {/etc/a: "x", /etc/b: null}   # null removes
        packages: {nginx: "1.0"}
        kernel: {vm.swappiness: "10"}
        stopped: [nginx.service]
        unreadable: [file//etc/a]            # the host can't answer for it
        failing: [file//etc/a]               # an apply of it fails
        unreachable: "ssh: timed out"        # the whole host
    between: true                            # a plan is applied after `meanwhile`, then what fails is mended
    now: {services: {edge: null}}            # what Git changes then, as `before`
    scope: {targets: [edge], excludes: [], drift: false}
    expect:                                  # all of it is checked, also what is not given (nothing)
      order: [base, edge]                    # the steps
      changes: {web-1: ["create file//etc/a"]}
      blocked: ["unknown edge file//etc/a on web-1: permission denied"]
      released: ["edge file//etc/a on web-1: prune: never"]
      drift: ["edge file//etc/a on web-1: content"]
      groups: [[web-1, web-2], [db-1]]       # hosts whose programs have one shape; optional
      refused: ["this plan deletes 11 resources; …"]     # the beginning of each
      problems: [conflict]                   # reasons
      stays: [web-1 file//etc/a]             # that is still there after the plan was applied

A change is written `action kind/name`, then ` drift` if the host moved, then the fields of an update, each with
`(drift)` if it is and the rest is not. After every case the plan is applied, and a new one must hold no change,
unless something is blocked or left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from reconciler.core.assessing.drift import drifted
from reconciler.core.explain.outline import sections
from reconciler.core.planning.plan import Scope
from reconciler.core.planning.plan_json import plan_digest
from reconciler.loop.reconcile import Planned
from reconciler.model.key import Key
from reconciler.model.plan import Change
from tests.fakes.fleet import Fleet, fleet
from tests.fakes.machine import Machine, file

CASES = Path(__file__).parents[2] / "plans"
PATHS = sorted(CASES.glob("*/*.yaml"))
TOPICS = {"causes", "grouping", "order", "ownership", "quarantine", "reactions", "scope", "unknown", "values"}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ByHand(Strict):
    files: dict[str, str | None] = {}
    packages: dict[str, str | None] = {}
    kernel: dict[str, str] = {}
    stopped: list[str] = []
    unreadable: list[str] = []
    failing: list[str] = []
    unreachable: str = ""


class Limited(Strict):
    targets: list[str] = []
    excludes: list[str] = []
    drift: bool = False

    def scope(self) -> Scope:
        return Scope(tuple(self.targets), tuple(self.excludes), self.drift)


class Expect(Strict):
    order: list[str] = []
    changes: dict[str, list[str]] = {}
    blocked: list[str] = []
    released: list[str] = []
    drift: list[str] = []
    groups: list[list[str]] | None = None
    refused: list[str] = []
    problems: list[str] = []
    stays: list[str] = []


class Case(Strict):
    about: str
    before: dict[str, Any] | None = None
    then: dict[str, Any] = {}
    meanwhile: dict[str, ByHand] = {}
    between: bool = False
    now: dict[str, Any] = {}
    scope: Limited = Limited()
    expect: Expect


def by_hand(world: Fleet, host: str, done: ByHand) -> None:
    machine = world.machine(host)
    for path, text in done.files.items():
        machine.paths[path] = (machine.paths.get(path) or file()) | {"content": (text or "").encode()}
        if text is None:
            del machine.paths[path]
    for package, version in done.packages.items():
        machine.packages[package] = version or ""
        if version is None:
            del machine.packages[package]
    machine.kernel |= done.kernel
    for unit in done.stopped:
        machine.units[unit]["state"] = "stopped"
    machine.unreadable |= {Key.parse(text) for text in done.unreadable}
    machine.failing |= {Key.parse(text) for text in done.failing}
    if done.unreachable:
        world.carrier.unreachable[host] = done.unreachable


def story(world: Fleet, case: Case) -> Planned:
    """Lets the case happen, up to the plan that it is about."""
    for state in filter(None, (case.before, case.then)):
        world.commit(state)
        assert world.apply().status == "succeeded", "what was before must go through"
        world.clock.pass_by(5)
    for host, done in case.meanwhile.items():
        by_hand(world, host, done)
    if case.now:
        world.commit(case.now)
    if case.between:
        world.apply()
        for machine in world.carrier.machines.values():
            machine.failing.clear()
    return world.plan(case.scope.scope())


def told(change: Change) -> str:
    """A change as cases write it."""
    words = [change.action, str(change.key)] + (["drift"] if change.cause == "drift" else [])
    if change.action == "update":
        mixed = change.cause == "pending"
        words += [f.path + ("(drift)" if mixed and f.cause == "drift" else "") for f in change.fields]
    return " ".join(words)


def changes(planned: Planned) -> dict[str, list[str]]:
    """What each host gets, in order."""
    found: dict[str, list[str]] = {}
    for step in planned.plan.steps:
        for program, hosts in step.programs.items():
            for host in hosts:
                found.setdefault(host, []).extend(map(told, planned.plan.programs[program].changes))
    return found


def blocked(planned: Planned) -> Iterator[str]:
    for item in planned.plan.blocked:
        parts = [item.reason, item.service, str(item.key or ""), "on", ", ".join(item.hosts)]
        yield f"{' '.join(filter(None, parts))}: {item.message}"


def outcome(world: Fleet, planned: Planned, case: Case) -> dict[str, Any]:
    """All that a case says about a plan, as it is."""
    plan = planned.plan
    drift = drifted(planned.assessment, planned.read.desired, planned.observations)
    return {
        "order": [step.service for step in plan.steps],
        "changes": changes(planned),
        "blocked": list(blocked(planned)),
        "released": [f"{r.service} {r.key} on {', '.join(r.hosts)}: {r.reason}" for r in plan.releases],
        "drift": [f"{d.service} {d.key} on {', '.join(d.hosts)}: {_fields(d.fields)}" for d in drift],
        "groups": case.expect.groups and [list(part.hosts) for s in sections(plan) for part in s.parts],
        "problems": [problem.reason for problem in planned.read.desired.problems],
    }


def _fields(fields: Any) -> str:
    return ", ".join(field.path for field in fields)


def there(machine: Machine, text: str) -> bool:
    key = Key.parse(text)
    return key.name in (machine.packages if key.kind == "package" else machine.paths)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_plan(path: Path) -> None:
    case = Case.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    with fleet() as world:
        planned = story(world, case)
        found = outcome(world, planned, case)
        expected = case.expect.model_dump(exclude={"refused", "stays"})
        assert found == expected
        refused = world.refusals(planned)
        assert [text[: len(want)] for text, want in zip(refused, case.expect.refused, strict=True)] == (
            case.expect.refused
        )
        check_numbers(planned)
        run = world.apply(planned)
        again = world.plan(case.scope.scope())
        if not planned.plan.blocked:
            assert run.status == "succeeded", run
            assert changes(again) == {}
        for text in case.expect.stays:
            host, _, resource = text.partition(" ")
            assert there(world.machine(host), resource), f"{text} is gone"


def check_numbers(planned: Planned) -> None:
    """The summary counts what the programs say, and the seal is the plan's own."""
    plan = planned.plan
    lines = [line.partition(" ")[0] for programs in changes(planned).values() for line in programs]
    counts = {action: lines.count(action) for action in ("create", "update", "delete", "restart", "reload")}
    summary = plan.summary
    assert summary.create == counts["create"]
    assert summary.update == counts["update"]
    assert summary.delete == counts["delete"]
    assert summary.restart == counts["restart"] + counts["reload"]
    assert summary.hosts == len(changes(planned))
    assert plan.digest == plan_digest(plan)


def test_every_topic_has_cases() -> None:
    assert {path.parent.name for path in PATHS} == TOPICS
