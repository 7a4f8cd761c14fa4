"""Orders what is due on one host: changes within a program, by small edge rules. Steps are cut elsewhere.

The same input gives the same order, whatever order the input came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.core.assessing.due import Assessment, Due
from reconciler.core.graph import ordered
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.plan import Change, Program

Edge = tuple[int, int]


@dataclass(slots=True)
class Ordered:
    """Programs by id, and for each service the hosts of each of its programs. `needs` are what services that left
    Git required when they were last applied."""

    programs: dict[str, Program] = field(default_factory=dict)
    hosts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs by their dues: those of the last plan, and those that are `made` (or taken over) for this one."""

    before: Mapping[tuple[Due, ...], Program] = field(default_factory=dict)
    made: dict[tuple[Due, ...], Program] = field(default_factory=dict)


def order(assessment: Assessment, programs: Programs) -> Ordered:
    """Every distinct set of dues as a program, once, with the hosts that get it."""
    result = Ordered()
    hosts_of: dict[tuple[Due, ...], list[str]] = {}
    for verdict, hosts in assessment.verdicts:
        if verdict.dues in hosts_of:  # all of one service
            hosts_of[verdict.dues] += hosts
            continue
        for service, dues in _by_service(verdict.dues).items():
            if dues not in hosts_of:
                hosts_of[dues] = _hosts_of(service, dues, programs, result)
            hosts_of[dues] += hosts
    return result


def _by_service(dues: tuple[Due, ...]) -> Mapping[str, tuple[Due, ...]]:
    if len({due.service for due in dues}) == 1:
        return {dues[0].service: dues}
    grouped: dict[str, list[Due]] = {}
    for due in dues:
        grouped.setdefault(due.service, []).append(due)
    return {service: tuple(members) for service, members in grouped.items()}


def _hosts_of(service: str, dues: tuple[Due, ...], programs: Programs, result: Ordered) -> list[str]:
    """The list for the hosts that get what is due of this service."""
    known = programs.made
    if dues not in known:
        known[dues] = programs.before.get(dues) or order_program(dues)
    program = result.programs.setdefault(known[dues].id, known[dues])
    result.needs.setdefault(service, set()).update(need for due in dues for need in due.needs)
    return result.hosts.setdefault(service, {}).setdefault(program.id, [])


def order_program(dues: Sequence[Due]) -> Program:
    """The changes of one service on one host, in the order in which they are applied.

    Creates and updates come first, then what is pruned (in reverse), then restarts and reloads; within that the
    order of the document holds where no rule says otherwise.
    """
    must = list(_explicit(dues))
    should = [*_implied(dues), *_in_the_way(dues), *_reversed(dues)]
    graph = ordered(must, should, [_rank(due) for due in dues])
    return program_of([_requiring(dues[p].change, [dues[b].change.key for b in graph.before(p)]) for p in graph.order])


def _requiring(change: Change, keys: Iterable[Key]) -> Change:
    requires = tuple(sorted(set(keys)))
    return change if change.requires == requires else replace(change, requires=requires)


def program_of(changes: Sequence[Change]) -> Program:
    """The program of these changes in this order, named for what they are."""
    return Program(digest([_values(c) for c in changes]), shape_of(changes), tuple(changes))


def shape_of(changes: Iterable[Change]) -> str:
    """The digest of what changes have in common with others that differ in values only."""
    return digest([_shape(c) for c in changes])


def _rank(due: Due) -> tuple[int, ...]:
    if due.change.action in ("restart", "reload"):
        return (2, due.index)
    return (1, -due.index) if due.prune else (0, due.index)


def _explicit(dues: Sequence[Due]) -> Iterator[Edge]:
    """What a resource requires by name, and what a restart or reload answers to."""
    at = {due.change.key: i for i, due in enumerate(dues) if due.change.action not in ("restart", "reload")}
    for i, due in enumerate(dues):
        for key in (*due.requires, *due.triggers):
            if key in at and at[key] != i:
                yield at[key], i


def _implied(dues: Sequence[Due]) -> Iterator[Edge]:
    """What a resource needs comes before it: a user before its file, a package before its service."""
    givers = _givers(due_set=[(i, due) for i, due in enumerate(dues) if not due.prune])
    for i, due in enumerate(dues):
        if not due.prune:
            yield from ((giver, i) for token in due.after for giver in givers.get(token, ()))


def _reversed(dues: Sequence[Due]) -> Iterator[Edge]:
    """What is pruned goes before the things that it needed."""
    givers = _givers(due_set=[(i, due) for i, due in enumerate(dues) if due.prune])
    for i, due in enumerate(dues):
        if due.prune:
            yield from ((i, giver) for token in due.after for giver in givers.get(token, ()))


def _in_the_way(dues: Sequence[Due]) -> Iterator[Edge]:
    """What is pruned goes before something else takes its place (a file becomes a directory)."""
    givers = _givers(due_set=[(i, due) for i, due in enumerate(dues) if due.prune])
    for i, due in enumerate(dues):
        if not due.prune:
            yield from ((giver, i) for token in due.provides for giver in givers.get(token, ()))


def _givers(due_set: Iterable[tuple[int, Due]]) -> dict[tuple[str, str], list[int]]:
    givers: dict[tuple[str, str], list[int]] = {}
    for i, due in due_set:
        for token in due.provides:
            givers.setdefault(token, []).append(i)
    return givers


def _values(change: Change) -> object:
    fields = [[f.path, f.before, f.after, f.cause, list(f.diff)] for f in change.fields]
    return [*_shape_parts(change), change.cause, change.because, fields, change.desired, change.query, change.expect]


def _shape(change: Change) -> object:
    return [*_shape_parts(change), change.cause, sorted(f.path for f in change.fields)]


def _shape_parts(change: Change) -> list[object]:
    return [*change.key, change.action, [str(key) for key in change.requires]]
