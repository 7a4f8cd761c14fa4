"""A plan as people read it: services in order, hosts grouped by the shape of their programs, one example of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.core.words import counted
from reconciler.model.plan import Blocked, Plan, Program, Step, Summary
from reconciler.model.rollout import Terms


@dataclass(frozen=True, slots=True)
class Part:
    """Hosts of a step that get programs of the same shape. `example` is one host's; `varying` are the
    (position of the change, field) whose values differ between hosts."""

    hosts: tuple[str, ...]
    example: Program
    varying: frozenset[tuple[int, str]]

    @property
    def drift(self) -> bool:
        return all(change.cause == "drift" for change in self.example.changes)


@dataclass(frozen=True, slots=True)
class Section:
    """Everything that one service does, over all of its batches."""

    service: str
    hosts: tuple[str, ...]
    parts: tuple[Part, ...]
    batches: int
    domains: int
    terms: Terms | None


def sections(plan: Plan) -> Iterator[Section]:
    """The plan's services in order, the largest part first in each."""
    for service, steps in groupby(plan.steps, key=lambda step: step.service):
        yield _section(plan, service, list(steps))


def _section(plan: Plan, service: str, steps: Sequence[Step]) -> Section:
    programs: dict[str, list[str]] = {}
    for step in steps:
        for program, hosts in step.programs.items():
            programs.setdefault(program, []).extend(hosts)
    return Section(
        service=service,
        hosts=tuple(sorted(host for hosts in programs.values() for host in hosts)),
        parts=tuple(sorted(_parts(plan, programs), key=lambda part: (-len(part.hosts), part.hosts))),
        batches=len(steps),
        domains=len({step.batch.domain for step in steps if step.batch is not None}),
        terms=plan.rollouts.get(service),
    )


def rollout_line(section: Section) -> str:
    """How it is rolled out: `canary 1 → 1% → 5% → 100%, one site at a time`; empty when all at once."""
    terms = section.terms
    if terms is None:
        return ""
    stages = " → ".join(terms.stages) if section.batches > 1 else ""
    apart = f"one {terms.domain} at a time" if terms.domain and section.domains > 1 else ""
    width = f"at most {counted(terms.at_once, 'host')} at once" if terms.at_once else ""
    return ", ".join(part for part in (stages, apart, width) if part)


def order_line(plan: Plan) -> str:
    """`base → edge (7 batches)`; empty for one step."""
    if len(plan.steps) < 2:
        return ""
    found = [(service, len(list(steps))) for service, steps in groupby(plan.steps, key=lambda step: step.service)]
    return " → ".join(service if count == 1 else f"{service} ({count} batches)" for service, count in found)


def _parts(plan: Plan, programs_of: Mapping[str, Sequence[str]]) -> Iterator[Part]:
    by_shape: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for program, found in programs_of.items():
        hosts = tuple(sorted(found))
        by_shape.setdefault(plan.programs[program].shape, []).append((program, hosts))
    for members in by_shape.values():
        hosts = tuple(sorted(host for _, some in members for host in some))
        programs = [plan.programs[id_] for id_, some in sorted(members, key=lambda m: m[1][0])]
        yield Part(hosts, programs[0], _varying(programs))


def _varying(programs: list[Program]) -> frozenset[tuple[int, str]]:
    first = programs[0]
    return frozenset(
        (i, field.path)
        for program in programs[1:]
        for i, change in enumerate(program.changes)
        for field, ours in zip(change.fields, first.changes[i].fields, strict=True)
        if (field.before, field.after) != (ours.before, ours.after)
    )


def last_line(plan: Plan) -> str:
    """The line that scripts read; its form never changes. Hosts of which something is not planned don't match."""
    summary = plan.summary
    if summary.changes == 0:
        matching = plan.fleet - len({host for item in plan.blocked for host in item.hosts})
        hosts = "1 host matches" if matching == 1 else f"{matching:,} hosts match"
        return f"No changes. {hosts} revision {plan.revision[:7]}."
    return counts_line(summary)


def counts_line(summary: Summary) -> str:
    """What is created, updated and deleted."""
    hosts = counted(summary.hosts, "host")
    return f"Plan: {summary.create:,} to create, {summary.update:,} to update, {summary.delete:,} to delete on {hosts}."


def grouped(blocked: tuple[Blocked, ...]) -> Iterator[tuple[Blocked, int]]:
    """Blocked things with how many resources the same reason covers; equal reasons of one service are one.

    Causes come before what only waits for them.
    """
    seen: dict[tuple[str, str, str, str, tuple[str, ...]], list[Blocked]] = {}
    for item in sorted(blocked, key=lambda b: b.reason == "waits"):
        seen.setdefault((item.reason, item.message, item.service, item.root, item.hosts), []).append(item)
    for members in seen.values():
        yield members[0], len(members)


def added_removed(change_diff: tuple[str, ...]) -> tuple[int, int]:
    """How many lines a diff adds and removes."""
    return sum(line.startswith("+") for line in change_diff), sum(line.startswith("-") for line in change_diff)
