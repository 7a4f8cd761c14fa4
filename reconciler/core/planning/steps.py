"""Cuts what is due into steps: by service in the order of what they require, each by its rollout into batches.

The same input gives the same steps, whatever order the input came in. Must not know changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from reconciler.core.graph import nearest, ordered
from reconciler.core.planning.batch import Caution, batches, staged, terms
from reconciler.core.planning.order import Ordered
from reconciler.model.desired import Desired, Service
from reconciler.model.plan import Step
from reconciler.model.rollout import Batch, Rollout, Terms


@dataclass(slots=True)
class Steps:
    """Steps in order, and what governs those of a service."""

    steps: tuple[Step, ...]
    rollouts: Mapping[str, Terms]


def steps(found: Ordered, desired: Desired, caution: Caution) -> Steps:
    """A step for each service with programs, or one for each of its batches, in an order that keeps every barrier.

    A step is called for its service (`edge`), or for its batch of it (`edge/2`). The first batch of a service needs
    the last of each that its service requires, any other the one before it.
    """
    broad = _broad(found, len(desired.hosts), caution)
    made: list[Step] = []
    rollouts: dict[str, Terms] = {}
    last: dict[str, str] = {}
    for name, needs in _in_order(found, desired.services):
        programs = found.hosts[name]
        members = [*chain.from_iterable(programs.values())]
        written = desired.services[name].rollout if name in desired.services else Rollout()
        rollout = staged(written, len(members), broad, caution)
        cut = batches(members, desired.hosts, rollout)
        made += _chained(name, tuple(last[need] for need in needs), programs, cut)
        last[name] = made[-1].id
        if governed := terms(rollout, len(members), caution):
            rollouts[name] = governed
    return Steps(tuple(made), rollouts)


def _broad(found: Ordered, fleet: int, caution: Caution) -> bool:
    """Whether it touches too many hosts to change them all at once. One service often does alone."""
    most = max((sum(map(len, programs.values())) for programs in found.hosts.values()), default=0)
    if caution.broad(most, fleet):
        return True
    touched = set[str]().union(*(hosts for programs in found.hosts.values() for hosts in programs.values()))
    return caution.broad(len(touched), fleet)


def _chained(
    service: str, needs: tuple[str, ...], programs: Mapping[str, list[str]], cut: list[tuple[Batch, list[str]]]
) -> Iterator[Step]:
    if len(cut) == 1:
        whole = {id_: tuple(sorted(members)) for id_, members in sorted(programs.items())}
        yield Step(service, service, needs, whole)
        return
    # Nearly all hosts of a service get the same: only the others are looked up one by one.
    usual = max(programs, key=lambda id_: len(programs[id_]))
    others = {host: id_ for id_, members in programs.items() if id_ != usual for host in members}
    for batch, hosts in cut:
        part = {usual: [host for host in hosts if host not in others]}
        for host in filter(others.__contains__, hosts):
            part.setdefault(others[host], []).append(host)
        name = f"{service}/{batch.number}"
        yield Step(name, service, needs, {id_: tuple(part[id_]) for id_ in sorted(part) if part[id_]}, batch)
        needs = (name,)


def _in_order(found: Ordered, services: Mapping[str, Service]) -> Iterator[tuple[str, list[str]]]:
    """The services with programs, each with those that it directly comes after."""
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
    for position in graph.order:
        yield names[position], [names[p] for p in graph.before(position)]


def _retired_edges(found: Ordered, live: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What left Git goes after the live services on the same hosts, and before what it required itself."""
    retired = sorted(found.hosts.keys() - live)
    leaving = {name: set[str]().union(*found.hosts[name].values()) for name in retired}
    everywhere = set[str]().union(*leaving.values())
    # A service may be on very many hosts, of which few concern one that left Git.
    beside = {
        name: everywhere.intersection(chain.from_iterable(found.hosts[name].values()))
        for name in found.hosts
        if name in live
    }
    for name in retired:
        for other in sorted(found.hosts):
            if other in live and not leaving[name].isdisjoint(beside[other]):
                yield other, name
            if other not in live and name in found.needs[other]:
                yield other, name
