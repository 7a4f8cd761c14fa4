"""The gate: whether a plan may run, by limits that are on by default. One gate for every way to apply.

A refusal says which limit, its value, the actual figure, and how to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Limits:
    """`deletes` as a number, or as a share of the managed resources if that is more (a floor keeps small fleets
    pleasant)."""

    deletes: int = 10
    deletes_share: float = 0.001


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person allows for this plan beyond the limits. `override` is why a pause, freeze or window does not
    count this time (empty: it does)."""

    deletes: int = 0
    override: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that the plan breaks. `examples` name what breaks it, grouped."""

    limit: str
    value: int
    actual: int
    message: str
    hint: str
    examples: tuple[str, ...] = ()


def gate(plan: Plan, desired: Desired, limits: Limits, allowance: Allowance) -> list[Refusal]:
    """Every limit that the plan breaks; nothing means go."""
    return [*_deletes(plan, limits, allowance), *_project_deletes(plan, desired, allowance)]


def allowed_deletes(managed: int, limits: Limits) -> int:
    """The most deletes that a plan over so many managed resources may hold without anybody's word."""
    return max(limits.deletes, int(managed * limits.deletes_share))


def _deletes(plan: Plan, limits: Limits, allowance: Allowance) -> list[Refusal]:
    limit = allowed_deletes(plan.managed, limits)
    actual = plan.summary.delete
    if actual <= max(limit, allowance.deletes):
        return []
    rule = f"the larger of {limits.deletes} and {limits.deletes_share:.1%} of {plan.managed:,} managed, limits.deletes"
    message = f"this plan deletes {actual} resources; the limit is {limit} ({rule})"
    return [Refusal("deletes", limit, actual, message, f"allow it: --allow-deletes {actual}", _examples(plan))]


def _project_deletes(plan: Plan, desired: Desired, allowance: Allowance) -> list[Refusal]:
    counts: dict[str, int] = {}
    for (service, _, _), count in _deleted(plan).items():
        project = desired.services[service].project if service in desired.services else ""
        counts[project] = counts.get(project, 0) + count
    refusals: list[Refusal] = []
    for name, actual in sorted(counts.items()):
        limit = desired.projects[name].deletes if name in desired.projects else None
        if limit is not None and actual > max(limit, allowance.deletes):
            message = f"this plan deletes {actual} resources of project {name}; its limit is {limit} (limits.deletes)"
            refusals.append(
                Refusal("project-deletes", limit, actual, message, f"allow it: --allow-deletes {plan.summary.delete}")
            )
    return refusals


def _deleted(plan: Plan) -> Mapping[tuple[str, str, str], int]:
    """Deletes by (service, kind, name)."""
    counts: dict[tuple[str, str, str], int] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            for change in plan.programs[program].changes:
                if change.action == "delete":
                    key = (step.service, *change.key)
                    counts[key] = counts.get(key, 0) + len(hosts)
    return counts


def _examples(plan: Plan) -> tuple[str, ...]:
    most = sorted(_deleted(plan).items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{service}: {count} × {kind}/{name}" for (service, kind, name), count in most[:5]]
    return (*lines, f"… and {len(most) - 5} more") if len(most) > 5 else tuple(lines)
