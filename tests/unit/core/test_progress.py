"""Which hosts of the next step may go, and the root cause for those that may not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.core.running.progress import Admission, Fate, Progress
from reconciler.model.desired import Service
from reconciler.model.key import Place
from reconciler.model.plan import Plan, Step, Summary

AT = Place("x.yaml")


def step(name: str, hosts: str, needs: str = "") -> Step:
    return Step(name, name, tuple(needs.split()), {"p": tuple(hosts.split())})


def plan(*steps: Step) -> Plan:
    return Plan("r", "f", None, 3, 3, steps, {}, (), (), Summary())


def services(**hosts: str) -> dict[str, Service]:
    return {name: Service(name, AT, hosts=tuple(given.split())) for name, given in hosts.items()}


def results(text: str) -> Mapping[tuple[str, str], Fate]:
    """`db@h1=failed …` as results."""
    found = {}
    for item in text.split():
        place, _, status = item.partition("=")
        name, _, host = place.partition("@")
        found[name, host] = status
    return found


def admit(step: Step, plan: Plan, known: Mapping[str, Service], so_far: Mapping[tuple[str, str], Fate]) -> Admission:
    return Progress(plan, known, so_far).admit(step)


ON_ALL = services(base="h1 h2", edge="h1 h2")


@pytest.mark.parametrize(
    ("so_far", "expected"),
    [
        ("base@h1=done base@h2=done", {}),
        ("base@h1=failed base@h2=done", {"h1": "base failed on this host"}),
        (
            "base@h1=stale base@h2=refused",
            {"h1": "base became stale on this host", "h2": "base was refused on this host"},
        ),
        ("base@h1=lost base@h2=done", {"h1": "base was lost on this host"}),
        ("base@h1=skipped base@h2=done", {"h1": "the run was stopped before base was done on this host"}),
        ("base@h1=unreachable base@h2=done", {}),
        (
            "base@h1=unreachable base@h2=unreachable",
            {"h1": "base can't be reached on this host", "h2": "base can't be reached on this host"},
        ),
    ],
)  # fmt: skip
def test_on_the_same_host_only_that_host_counts(so_far: str, expected: dict[str, str]) -> None:
    both = plan(step("base", "h1 h2"), step("edge", "h1 h2", "base"))
    admission = admit(both.steps[1], both, ON_ALL, results(so_far))
    assert admission.skip == expected
    assert admission.go == tuple(host for host in ("h1", "h2") if host not in expected)


@pytest.mark.parametrize(
    ("so_far", "why"),
    [
        ("db@d1=done db@d2=done", ""),
        ("db@d1=failed db@d2=done", "db failed on d1"),
        ("db@d1=stale db@d2=failed", "db became stale on d1 and 1 more"),
        ("db@d1=unreachable db@d2=done", ""),
        ("db@d1=unreachable db@d2=unreachable", "db can't be reached on d1 and 1 more"),
    ],
)
def test_on_other_hosts_all_of_the_needed_service_counts(so_far: str, why: str) -> None:
    both = plan(step("db", "d1 d2"), step("app", "a1", "db"))
    known = services(db="d1 d2", app="a1")
    admission = admit(both.steps[1], both, known, results(so_far))
    assert (admission.go, admission.skip) == (((), {"a1": why}) if why else (("a1",), {}))


@pytest.mark.parametrize(
    ("so_far", "why"),
    [
        ("base@h1=failed mid@h1=skipped", "base failed on this host"),
        ("base@h1=skipped mid@h1=skipped", "the run was stopped before base was done on this host"),
        ("base@h1=done mid@h1=skipped", "the run was stopped before mid was done on this host"),
        ("base@h1=failed mid@h1=stale", "mid became stale on this host"),
    ],
)
def test_the_root_cause_is_told_not_what_was_skipped_for_it(so_far: str, why: str) -> None:
    three = plan(step("base", "h1"), step("mid", "h1", "base"), step("top", "h1", "mid"))
    known = services(base="h1", mid="h1", top="h1")
    assert admit(three.steps[2], three, known, results(so_far)).skip == {"h1": why}


def test_a_root_cause_on_another_host_is_named() -> None:
    three = plan(step("db", "d1 d2"), step("mid", "h1", "db"), step("top", "h1 h2", "mid"))
    known = services(db="d1 d2", mid="h1", top="h1 h2")
    so_far = results("db@d1=done db@d2=failed mid@h1=skipped")
    skip = admit(three.steps[2], three, known, so_far).skip
    assert skip == {"h1": "db failed on d2", "h2": "db failed on d2"}


def test_a_host_that_had_nothing_to_change_in_the_needed_service_goes() -> None:
    both = plan(step("base", "h1"), step("edge", "h1 h2", "base"))
    admission = admit(both.steps[1], both, ON_ALL, results("base@h1=failed"))
    assert (admission.go, dict(admission.skip)) == (("h2",), {"h1": "base failed on this host"})


def test_without_needs_everybody_goes() -> None:
    one = plan(step("base", "h2 h1"))
    assert admit(one.steps[0], one, ON_ALL, {}).go == ("h1", "h2")
