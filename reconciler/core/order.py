"""Orders what is due: changes within a program by small edge rules, then steps by what services require.

The same input gives the same order, whatever order the input came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.core.due import Assessment, Due
from reconciler.core.graph import nearest, ordered
from reconciler.model.desired import Service
from reconciler.model.digest import digest
from reconciler.model.plan import Change, Program, Step

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
    known = programs.made
    for verdict, hosts in assessment.verdicts:
        for service, dues in _by_service(verdict.dues).items():
            if dues not in known:
                known[dues] = programs.before.get(dues) or order_program(dues)
            program = result.programs.setdefault(known[dues].id, known[dues])
            result.hosts.setdefault(service, {}).setdefault(program.id, []).extend(hosts)
            result.needs.setdefault(service, set()).update(need for due in dues for need in due.needs)
    return result


def _by_service(dues: Iterable[Due]) -> dict[str, tuple[Due, ...]]:
    grouped: dict[str, list[Due]] = {}
    for due in dues:
        grouped.setdefault(due.service, []).append(due)
    return {service: tuple(members) for service, members in grouped.items()}


def order_program(dues: Sequence[Due]) -> Program:
    """The changes of one service on one host, in the order in which they are applied.

    Creates and updates come first, then what is pruned (in reverse), then restarts and reloads; within that the
    order of the document holds where no rule says otherwise.
    """
    must = list(_explicit(dues))
    should = [*_implied(dues), *_in_the_way(dues), *_reversed(dues)]
    graph = ordered(must, should, [_rank(due) for due in dues])
    changes = tuple(
        replace(dues[p].change, requires=tuple(sorted({dues[b].change.key for b in graph.before(p)})))
        for p in graph.order
    )
    return Program(
        id=digest([_values(c) for c in changes]), shape=digest([_shape(c) for c in changes]), changes=changes
    )


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


def steps(found: Ordered, services: Mapping[str, Service]) -> tuple[Step, ...]:
    """A step for each service with programs, in an order that keeps every barrier. Ids are the services' names."""
    names = sorted(found.hosts)
    live = frozenset(name for name in names if name in services)
    requires = {name: service.requires for name, service in services.items()}
    must = [(first, name) for name in names if name in live for first in nearest(name, requires, live)]
    at = {name: position for position, name in enumerate(names)}
    graph = ordered(
        must=[(at[a], at[b]) for a, b in must],
        should=[(at[a], at[b]) for a, b in _retired_edges(found, live)],
        rank=[(position,) for position in range(len(names))],
    )
    return tuple(
        Step(
            id=names[position],
            service=names[position],
            needs=tuple(names[p] for p in graph.before(position)),
            programs={id_: tuple(sorted(members)) for id_, members in sorted(found.hosts[names[position]].items())},
        )
        for position in graph.order
    )


def _retired_edges(found: Ordered, live: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What left Git goes after the live services on the same hosts, and before what it required itself."""
    hosts = {
        service: {h for members in programs.values() for h in members} for service, programs in found.hosts.items()
    }
    for name in sorted(set(found.hosts) - live):
        for other in sorted(found.hosts):
            if other in live and hosts[other] & hosts[name]:
                yield other, name
            if other not in live and name in found.needs[other]:
                yield other, name
