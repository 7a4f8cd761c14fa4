"""The limits on deletes: the larger of a number and a share, a project's own, and a person's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.gate import Allowance, Circumstances, Coverage, Limits, allowed_deletes, gate, halted_services
from reconciler.model.approval import Approval
from reconciler.model.desired import Desired, Project, Service
from reconciler.model.key import Key, Place
from reconciler.model.plan import Change, Plan, Program, Step, Summary
from reconciler.model.run import HostOutcome, Run

AT = Place("x.yaml")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FLEET = 1000
"""So large that shares of it are no matter where a test is about something else."""


def plan(managed: int, **deletes: int) -> Plan:
    """A plan in which each service deletes one resource on so many hosts."""
    steps = tuple(Step(s, s, (), {s: tuple(f"h{i}" for i in range(n))}) for s, n in deletes.items())
    programs = {s: Program(s, s, (Change(Key("file", f"/etc/{s}"), "delete", "pending"),)) for s in deletes}
    summary = Summary(delete=sum(deletes.values()))
    return Plan("r", "f", None, FLEET, managed, steps, programs, (), (), summary, digest="5c1f09ab" + "0" * 24)


def desired(limit: int | None) -> Desired:
    hosts = tuple(f"h{i}" for i in range(300))
    names = ("edge", "base", "c", "d", "e", "f")
    services = {name: Service(name, AT, "shop" if name == "edge" else "", hosts=hosts) for name in names}
    return Desired("r", {}, services, {"shop": Project("shop", AT, deletes=limit)}, {})


@pytest.mark.parametrize(
    ("managed", "limits", "expected"),
    [(0, Limits(), 10), (9_999, Limits(), 10), (12_000, Limits(), 12), (12_999, Limits(), 12), (0, Limits(0, 0.5), 0)],
)
def test_the_larger_of_a_number_and_a_share(managed: int, limits: Limits, expected: int) -> None:
    assert allowed_deletes(managed, limits) == expected


@pytest.mark.parametrize(
    ("deletes", "managed", "allowed", "refused"),
    [(0, 0, 0, []), (10, 0, 0, []), (11, 0, 0, ["deletes"]), (12, 12_000, 0, []), (13, 12_000, 0, ["deletes"]),
     (11, 0, 10, ["deletes"]), (11, 0, 11, []), (11, 0, 99, [])],
)  # fmt: skip
def test_deletes(deletes: int, managed: int, allowed: int, refused: list[str]) -> None:
    found = gate(plan(managed, base=deletes), desired(None), Limits(), Circumstances(allowance=Allowance(allowed)))
    assert [refusal.limit for refusal in found] == refused


@pytest.mark.parametrize(
    ("limit", "deletes", "allowed", "refused"),
    [(None, 9, 0, []), (2, 2, 0, []), (2, 3, 0, ["project-deletes"]), (0, 1, 0, ["project-deletes"]), (2, 3, 3, [])],
)
def test_a_projects_own_limit(limit: int | None, deletes: int, allowed: int, refused: list[str]) -> None:
    found = gate(plan(100, edge=deletes, base=1), desired(limit), Limits(), Circumstances(allowance=Allowance(allowed)))
    assert [refusal.limit for refusal in found] == refused


def test_a_refusal_says_which_limit_its_value_the_figure_and_how_to_go_on() -> None:
    many = plan(12_000, edge=37, base=30, c=1, d=2, e=3, f=1)
    [refusal] = gate(many, desired(None), Limits(), Circumstances())
    assert (refusal.limit, refusal.value, refusal.actual) == ("deletes", 12, 74)
    assert refusal.message == (
        "this plan deletes 74 resources; the limit is 12 (the larger of 10 and 0.1% of 12,000 managed, limits.deletes)"
    )
    assert refusal.hint == (
        'approve exactly this plan: reconciler approve 5c1f09ab --reason "…"\nor allow it once: --allow-deletes 74'
    )
    assert refusal.examples == (
        "edge: 37 × file//etc/edge",
        "base: 30 × file//etc/base",
        "e: 3 × file//etc/e",
        "d: 2 × file//etc/d",
        "c: 1 × file//etc/c",
        "… and 1 more",
    )


def lost(service: str, members: int, of: int) -> tuple[Plan, Desired]:
    """A plan that deletes something of a service on so many of its hosts."""
    made = replace(plan(1_000_000, **{service: members}), fleet=100_000)
    hosts = tuple(f"h{i}" for i in range(of))
    return made, Desired("r", {}, {service: Service(service, AT, hosts=hosts)}, {})


@pytest.mark.parametrize(
    ("members", "of", "refused"),
    [(10, 10, []), (11, 44, []), (11, 43, ["service-deletes"]), (30, 100, ["service-deletes"]), (25, 100, [])],
)
def test_a_share_of_a_services_hosts(members: int, of: int, refused: list[str]) -> None:
    made, desired = lost("web", members, of)
    assert [found.limit for found in gate(made, desired, Limits(), Circumstances())] == refused
    allowed = Circumstances(allowance=Allowance(members))
    assert gate(made, desired, Limits(), allowed) == []


def test_a_service_that_left_git_has_only_the_hosts_that_it_loses() -> None:
    made, _ = lost("web", 11, 0)
    assert [r.limit for r in gate(made, Desired("r", {}, {}, {}), Limits(), Circumstances())] == ["service-deletes"]


@pytest.mark.parametrize(
    ("members", "fleet", "refused"),
    [(10, 20, []), (11, 110, []), (11, 100, ["fleet-deletes"]), (101, 1_000, ["fleet-deletes"])],
)
def test_a_share_of_the_fleet(members: int, fleet: int, refused: list[str]) -> None:
    made, desired = lost("web", members, 1_000)
    found = gate(replace(made, fleet=fleet), desired, Limits(), Circumstances())
    assert [refusal.limit for refusal in found] == refused


@pytest.mark.parametrize(
    ("asked", "missing", "deletes", "refused"),
    [(100, 5, 1, []), (100, 6, 1, ["coverage"]), (100, 6, 0, []), (5, 2, 1, []), (5, 3, 1, ["coverage"]), (0, 0, 1, []),
     (1_000, 50, 1, []), (1_000, 51, 1, ["coverage"])],
)  # fmt: skip
def test_no_deletes_while_many_do_not_answer(asked: int, missing: int, deletes: int, refused: list[str]) -> None:
    circumstances = Circumstances(Coverage(asked, missing), allowance=Allowance(99))
    assert [r.limit for r in gate(plan(9, base=deletes), desired(None), Limits(), circumstances)] == refused


@pytest.mark.parametrize(
    ("drifting", "fleet", "refused"),
    [(10, 20, []), (11, 20, ["mass-drift"]), (50, 1_000, []), (51, 1_000, ["mass-drift"])],
)
def test_a_mass_of_drift_is_not_healed(drifting: int, fleet: int, refused: list[str]) -> None:
    program = Program("p", "p", (Change(Key("file", "/etc/a"), "update", "drift"),))
    steps = (Step("base", "base", (), {"p": tuple(f"h{i}" for i in range(drifting))}),)
    made = Plan("r", "f", None, fleet, 9, steps, {"p": program}, (), (), Summary(update=drifting))
    assert [r.limit for r in gate(made, desired(None), Limits(), Circumstances())] == refused


def test_what_was_halted_is_not_tried_again_by_itself() -> None:
    run = Run(7, "p", "r", "ada", NOW, status="halted")
    made = plan(9, base=1)
    [refusal] = gate(made, desired(None), Limits(), Circumstances(halted={"base": run}))
    assert refusal.limit == "breaker"
    assert "1 run of base" in refusal.message
    assert "run 7" in refusal.message
    again = Circumstances(halted={"base": run}, allowance=Allowance(again=True))
    assert gate(made, desired(None), Limits(), again) == []
    assert gate(plan(9), desired(None), Limits(), Circumstances(halted={"base": run})) == [], "there is nothing to do"
    assert gate(made, desired(None), Limits(), Circumstances(halted={"edge": run})) == [], "edge was, and base is not"


def test_a_service_was_halted_if_its_own_last_run_was_before_it_was_through() -> None:
    missed = (
        HostOutcome("edge", "edge", "unhealthy", "", ("a",)),
        HostOutcome("base", "base", "unreachable", "", ("b",)),
    )
    run = Run(7, "p", "r", "ada", NOW, status="halted", host_outcomes=missed)
    assert halted_services({"edge": run, "base": run}) == {"edge": run}
    skipped = replace(run, host_outcomes=(HostOutcome("base", "base", "skipped", "", ("b",)),))
    assert halted_services({"base": skipped}) == {"base": skipped}
    assert halted_services({"edge": replace(run, status="failed")}) == {}


def test_an_approval_is_for_exactly_one_plan() -> None:
    many = plan(0, base=74)
    word = Approval(many.digest, "ada", "CHG-1", NOW, NOW + timedelta(hours=24))
    assert gate(many, desired(None), Limits(), Circumstances(approvals=[word])) == []
    another = replace(many, digest="other")
    assert gate(another, desired(None), Limits(), Circumstances(approvals=[word])) != []


@pytest.mark.parametrize(("hours", "holds"), [(-1, False), (0, True), (23, True), (24, False), (99, False)])
def test_an_approval_is_over_after_its_time(hours: int, holds: bool) -> None:
    assert Approval("d", "ada", "why", NOW, NOW + timedelta(hours=24)).holds(NOW + timedelta(hours=hours)) is holds
