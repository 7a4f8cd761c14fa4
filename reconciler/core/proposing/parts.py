"""Takes a plan apart by why each change is in it: by comparison with the plan that is due without it.

Works on programs, once for each that is met by the same other one. Must not know Git.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from reconciler.core.planning.order import shape_of
from reconciler.core.planning.plan import changes_of
from reconciler.core.proposing.proposal import Parts
from reconciler.model.key import Key
from reconciler.model.plan import Change, Plan, Program, Step

Sorting: TypeAlias = Callable[[Change, Change | None], str]
"""The part that a change belongs to, by what the other plan does to the same resource; empty: to none."""


def apart(plan: Plan, base: Plan) -> Parts:
    """The parts of a plan, by the plan that is due on the base."""
    mine, others = _Apart(plan, base, _why), _Apart(base, plan, _left)
    return Parts(mine.part("own"), mine.part("pending"), mine.part("drift"), others.part("dropped"))


def nothing_due(plan: Plan) -> Plan:
    """A plan for the same fleet in which nothing is due."""
    return _part(plan, (), {})


def of_services(plan: Plan, wanted: Callable[[str], bool]) -> Plan:
    """What a plan does for some services."""
    return _part(plan, [step for step in plan.steps if wanted(step.service)], plan.programs)


def _why(change: Change, before: Change | None) -> str:
    if change.cause == "drift":
        return "drift"
    if before is None:
        return "own"
    same = (before.action, before.fields, before.because) == (change.action, change.fields, change.because)
    return "pending" if same else "own"


def _left(change: Change, after: Change | None) -> str:
    return "dropped" if after is None and change.cause == "pending" else ""


class _Apart:
    """The parts of one plan beside another. Each pair of programs is looked at once."""

    def __init__(self, plan: Plan, other: Plan, sorting: Sorting) -> None:
        self._plan = plan
        self._other = other
        self._sorting = sorting
        self._pairs: dict[tuple[str, str], Mapping[str, str]] = {}
        self._cuts = _Cuts()
        self._steps: dict[str, list[Step]] = {}
        programs = _programs_by_host(other)
        for step in plan.steps:
            self._add(step, programs.get(step.service, {}))

    def part(self, name: str) -> Plan:
        return _part(self._plan, self._steps.get(name, ()), self._cuts.programs)

    def _add(self, step: Step, others: Mapping[str, str]) -> None:
        parts: dict[str, dict[str, list[str]]] = {}
        for program, hosts in step.programs.items():
            for other, members in _grouped(hosts, others):
                for part, cut in self._split(program, other).items():
                    parts.setdefault(part, {}).setdefault(cut, []).extend(members)
        for part, programs in parts.items():
            hosts_of = {name: tuple(sorted(programs[name])) for name in sorted(programs)}
            self._steps.setdefault(part, []).append(replace(step, programs=hosts_of))

    def _split(self, name: str, other: str) -> Mapping[str, str]:
        """The programs that one comes to, by part; `other` is what the same hosts get in the other plan."""
        if (name, other) not in self._pairs:
            program = self._plan.programs[name]
            theirs = _by_name(self._other.programs[other].changes) if other else {}
            places: dict[str, list[int]] = {}
            for at, change in enumerate(program.changes):
                if part := self._sorting(change, theirs.get(_name(change))):
                    places.setdefault(part, []).append(at)
            self._pairs[name, other] = {part: self._cuts.of(program, tuple(kept)) for part, kept in places.items()}
        return self._pairs[name, other]


@dataclass(slots=True)
class _Cuts:
    """Programs with some of their changes, by id."""

    programs: dict[str, Program] = field(default_factory=dict)
    _shapes: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)

    def of(self, program: Program, kept: tuple[int, ...]) -> str:
        """The id of the program with the changes at these positions."""
        whole = len(kept) == len(program.changes)
        name = program.id if whole else f"{program.id}/{'.'.join(map(str, kept))}"
        if name not in self.programs:
            self.programs[name] = program if whole else self._cut(name, program, kept)
        return name

    def _cut(self, name: str, program: Program, kept: tuple[int, ...]) -> Program:
        """Programs of one shape are of one shape when the same is taken of them."""
        changes = [program.changes[at] for at in kept]
        keys = {change.key for change in changes}
        alone = tuple(replace(c, requires=tuple(key for key in c.requires if key in keys)) for c in changes)
        if (program.shape, kept) not in self._shapes:
            self._shapes[program.shape, kept] = shape_of(alone)
        return Program(name, self._shapes[program.shape, kept], alone)


def _name(change: Change) -> tuple[Key, bool]:
    """A unit may be changed and restarted in one program."""
    return change.key, change.action in ("restart", "reload")


def _by_name(changes: Iterable[Change]) -> dict[tuple[Key, bool], Change]:
    return {_name(change): change for change in changes}


def _grouped(hosts: Sequence[str], others: Mapping[str, str]) -> Iterable[tuple[str, Sequence[str]]]:
    """Hosts by the program that they have in the other plan."""
    if not others:
        return [("", hosts)]
    found: dict[str, list[str]] = {}
    for host in hosts:
        found.setdefault(others.get(host, ""), []).append(host)
    return found.items()


def _programs_by_host(plan: Plan) -> Mapping[str, Mapping[str, str]]:
    """By service and host."""
    found: dict[str, dict[str, str]] = {}
    for step in plan.steps:
        of_service = found.setdefault(step.service, {})
        for program, hosts in step.programs.items():
            of_service.update(dict.fromkeys(hosts, program))
    return found


def _part(plan: Plan, steps: Sequence[Step], programs: Mapping[str, Program]) -> Plan:
    """The plan with these steps only. It has no digest: it is for showing."""
    mine = {name: programs[name] for name in sorted({name for step in steps for name in step.programs})}
    return replace(
        plan,
        steps=tuple(steps),
        programs=mine,
        blocked=(),
        releases=(),
        summary=changes_of(steps, mine),
        rollouts={step.service: plan.rollouts[step.service] for step in steps if step.service in plan.rollouts},
        digest="",
    )
