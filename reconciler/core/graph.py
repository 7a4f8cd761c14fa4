"""Graphs of named things: what comes first, who needs whom, where it goes round. Knows no domain."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import networkx as nx

N = TypeVar("N", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Graph:
    """Positions in an order that keeps every edge; `edges` are the positions that have one to a position."""

    order: tuple[int, ...]
    edges: Mapping[int, frozenset[int]]

    def before(self, position: int) -> list[int]:
        """The positions that have an edge to this one, sorted."""
        return sorted(self.edges.get(position, ()))


def ordered(
    must: Iterable[tuple[int, int]], should: Iterable[tuple[int, int]], rank: Sequence[tuple[int, ...]]
) -> Graph:
    """Positions 0…len(rank)-1 so that the first of each edge comes before the second; ties go by rank.

    `must` edges are free of cycles (their giver saw to it). A `should` edge that would close a cycle is left out.
    """
    needed = set(must)
    wished = sorted({(before, after) for before, after in should if before != after})
    by_rank = sorted(range(len(rank)), key=rank.__getitem__)
    if not (needed or wished):
        return Graph(tuple(by_rank), {})
    edges: dict[int, set[int]] = {}
    place = {position: at for at, position in enumerate(by_rank)}
    # Where every edge goes along with the rank, as most do, nothing can go round and there is nothing to sort.
    plain = all(place[before] < place[after] for before, after in chain(needed, wished))
    for before, after in needed:
        edges.setdefault(after, set()).add(before)
    for before, after in wished:
        if plain or not _leads(after, before, edges):
            edges.setdefault(after, set()).add(before)
    order = by_rank if plain else _topological(edges, rank)
    return Graph(tuple(order), {after: frozenset(befores) for after, befores in edges.items()})


def _leads(start: int, end: int, edges: Mapping[int, Iterable[int]]) -> bool:
    """Whether there is a way from the one position to the other, looked for from its end."""
    seen = {end}
    stack = [end]
    while stack and start not in seen:
        new = set(edges.get(stack.pop(), ())) - seen
        seen |= new
        stack += new
    return start in seen


def _topological(edges: Mapping[int, Iterable[int]], rank: Sequence[tuple[int, ...]]) -> Iterator[int]:
    """Of the positions that may come next always the one of the lowest rank."""
    sorter = TopologicalSorter({position: edges.get(position, ()) for position in range(len(rank))})
    sorter.prepare()
    ready: list[tuple[tuple[int, ...], int]] = []
    while sorter.is_active():
        for position in sorter.get_ready():
            heappush(ready, (rank[position], position))
        _, position = heappop(ready)
        yield position
        sorter.done(position)


def nearest(start: N, following: Mapping[N, Iterable[N]], wanted: frozenset[N]) -> list[N]:
    """The wanted nodes that are reached from `start` without passing another wanted one, sorted."""
    found: set[N] = set()
    seen: set[N] = {start}
    stack = [start]
    while stack:
        for node in following.get(stack.pop(), ()):
            if node in seen:
                continue
            seen.add(node)
            if node in wanted:
                found.add(node)
            else:
                stack.append(node)
    return sorted(found, key=str)


def cycles(edges: Mapping[str, Iterable[str]]) -> list[tuple[frozenset[str], tuple[str, ...]]]:
    """Each group of names that need each other, with a shortest way round from its first name back to it. Sorted."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        return _groups(edges)
    return []


def _groups(edges: Mapping[str, Iterable[str]]) -> list[tuple[frozenset[str], tuple[str, ...]]]:
    # The graph library takes longer to load than most repositories take to check, so only where something goes round.
    import networkx as nx

    graph = _graph(edges)
    groups = [g for g in nx.strongly_connected_components(graph) if len(g) > 1 or graph.has_edge(*(tuple(g) * 2))]
    return [(frozenset(group), _way_round(graph.subgraph(group), min(group))) for group in sorted(groups, key=min)]


def reached(edges: Mapping[str, Iterable[str]], sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every other name that needs a source, directly or not, with a shortest way from it to the source."""
    needed_by: dict[str, list[str]] = {name: [] for name in edges}
    for name in sorted(edges):
        for need in edges[name]:
            needed_by.setdefault(need, []).append(name)
    starts = sorted(s for s in sources if s in needed_by)
    found: dict[str, tuple[str, ...]] = {s: (s,) for s in starts}
    layer = starts
    while layer:
        after: list[str] = []
        for name in layer:
            for user in sorted(needed_by[name]):
                if user not in found:
                    found[user] = (user, *found[name])
                    after.append(user)
        layer = after
    return {name: way for name, way in found.items() if len(way) > 1}


def _graph(edges: Mapping[str, Iterable[str]]) -> nx.DiGraph[str]:
    """Built in sorted order, so that what the library finds first doesn't depend on the input's order."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(edges))
    graph.add_edges_from((name, need) for name in sorted(edges) for need in sorted(edges[name]))
    return graph


def _way_round(graph: nx.DiGraph[str], start: str) -> tuple[str, ...]:
    import networkx as nx

    ways = (nx.shortest_path(graph, after, start) for after in sorted(graph.successors(start)))
    return (start, *min(ways, key=lambda way: (len(way), way)))
