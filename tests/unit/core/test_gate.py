"""The limits on deletes: the larger of a number and a share, a project's own, and a person's word."""

from __future__ import annotations

import pytest

from reconciler.core.gate import Allowance, Limits, allowed_deletes, gate
from reconciler.model.desired import Desired, Project, Service
from reconciler.model.key import Key, Place
from reconciler.model.plan import Change, Plan, Program, Step, Summary

AT = Place("x.yaml")


def plan(managed: int, **deletes: int) -> Plan:
    """A plan in which each service deletes one resource on so many hosts."""
    steps = tuple(Step(s, s, (), {s: tuple(f"h{i}" for i in range(n))}) for s, n in deletes.items())
    programs = {s: Program(s, s, (Change(Key("file", f"/etc/{s}"), "delete", "pending"),)) for s in deletes}
    return Plan("r", "f", None, 9, managed, steps, programs, (), (), Summary(delete=sum(deletes.values())))


def desired(limit: int | None) -> Desired:
    services = {"edge": Service("edge", AT, project="shop"), "base": Service("base", AT)}
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
    found = gate(plan(managed, base=deletes), desired(None), Limits(), Allowance(allowed))
    assert [refusal.limit for refusal in found] == refused


@pytest.mark.parametrize(
    ("limit", "deletes", "allowed", "refused"),
    [(None, 9, 0, []), (2, 2, 0, []), (2, 3, 0, ["project-deletes"]), (0, 1, 0, ["project-deletes"]), (2, 3, 3, [])],
)
def test_a_projects_own_limit(limit: int | None, deletes: int, allowed: int, refused: list[str]) -> None:
    found = gate(plan(100, edge=deletes, base=1), desired(limit), Limits(), Allowance(allowed))
    assert [refusal.limit for refusal in found] == refused


def test_a_refusal_says_which_limit_its_value_the_figure_and_how_to_go_on() -> None:
    many = plan(12_000, edge=37, base=30, c=1, d=2, e=3, f=1)
    [refusal] = gate(many, desired(None), Limits(), Allowance())
    assert (refusal.limit, refusal.value, refusal.actual) == ("deletes", 12, 74)
    assert refusal.message == (
        "this plan deletes 74 resources; the limit is 12 (the larger of 10 and 0.1% of 12,000 managed, limits.deletes)"
    )
    assert refusal.hint == "allow it: --allow-deletes 74"
    assert refusal.examples == (
        "edge: 37 × file//etc/edge",
        "base: 30 × file//etc/base",
        "e: 3 × file//etc/e",
        "d: 2 × file//etc/d",
        "c: 1 × file//etc/c",
        "… and 1 more",
    )
