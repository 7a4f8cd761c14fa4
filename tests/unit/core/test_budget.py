"""When a rollout, or a whole run, is stopped by its failures."""

from __future__ import annotations

import pytest

from reconciler.core.running.budget import Budget
from reconciler.core.running.progress import Fate
from reconciler.model.plan import Step
from reconciler.model.rollout import Batch, Terms


def budget(most: int = 1, bearable: int = 99) -> Budget:
    return Budget({"edge": Terms(most)}, bearable)


def step(hosts: str, number: int = 2, canary: bool = False) -> Step:
    return Step(f"edge/{number}", "edge", (), {"p": tuple(hosts.split())}, Batch(number, 3, canary=canary))


@pytest.mark.parametrize(
    ("fate", "counts"),
    [("failed", True), ("lost", True), ("refused", True), ("unhealthy", True), ("stale", False), ("unreachable", False),
     ("skipped", False), ("done", False)],
)  # fmt: skip
def test_what_counts_as_a_failure(fate: Fate, counts: bool) -> None:
    found = budget(most=0)
    found.count("edge", "a", fate)
    assert bool(found.stopped("edge")) is counts


def test_a_budget_is_for_the_whole_rollout_and_a_host_counts_once() -> None:
    found = budget(most=1)
    for fate in ("failed", "unhealthy", "failed"):
        found.count("edge", "a", fate)
    assert found.stopped("edge") == ""
    found.count("edge", "b", "lost")
    assert found.stopped("edge") == "edge was stopped: 2 hosts failed (a and b), and 1 may (maxFailures)"
    assert found.stopped("base") == "", "others go on"


def test_the_breaker_stops_everything() -> None:
    found = Budget({}, 2)
    for service, host in (("a", "h1"), ("b", "h1"), ("b", "h2")):
        found.count(service, host, "failed")
    assert found.stopped("c") == ""
    found.count("c", "h3", "failed")
    assert found.stopped("z") == (
        "the breaker stopped the run: 3 hosts failed (h1, h2 and h3), and 2 may (limits.breaker_share)"
    )


@pytest.mark.parametrize(
    ("fates", "canary", "stopped"),
    [
        ("a=done b=done", True, ""),
        ("a=done b=failed", True, "edge was stopped after batch 1 of 3, its canary: b failed: no space"),
        ("a=unreachable b=done", True, ""),
        ("a=unreachable b=stale", True, "edge was stopped after batch 1 of 3, its canary: a can't be reached"),
        ("a=skipped b=skipped", True, "edge was stopped after batch 1 of 3, its canary: a was skipped"),
        ("a=unhealthy b=done", False, ""),
        ("a=unhealthy b=failed", False, "edge was stopped after batch 2 of 3: a is not healthy"),
        ("a=unhealthy b=unreachable", False, "edge was stopped after batch 2 of 3: a is not healthy"),
        ("a=unreachable b=stale", False, ""),
    ],
)
def test_a_batch_is_judged_when_it_is_over(fates: str, canary: bool, stopped: str) -> None:
    found = budget(most=9)
    given: dict[str, Fate] = dict(word.split("=") for word in fates.split())
    found.judge(step("a b", 1 if canary else 2, canary), given, {"b": "no space"})
    assert found.stopped("edge") == stopped


def test_a_service_without_a_rollout_is_judged_by_the_breaker_alone() -> None:
    found = Budget({}, 99)
    found.judge(Step("base", "base", (), {"p": ("a",)}), {"a": "failed"}, {})
    assert found.stopped("base") == ""
