"""Graphs of names: orders, circles, what is reached."""

from __future__ import annotations

import pytest

from reconciler.core.graph import cycles, nearest, ordered, reached


@pytest.mark.parametrize(
    ("must", "should", "rank", "expected"),
    [
        ([], [], [(2,), (0,), (1,)], (1, 2, 0)),
        ([(0, 1)], [], [(9,), (0,), (1,)], (2, 0, 1)),
        ([(0, 1)], [(1, 0)], [(0,), (0,)], (0, 1)),
        ([], [(0, 1), (1, 2), (2, 0)], [(0,), (0,), (0,)], (0, 1, 2)),
        ([(2, 0)], [(0, 1), (1, 2)], [(0,), (1,), (2,)], (2, 0, 1)),
        ([], [(0, 0)], [(0,)], (0,)),
    ],
)
def test_ordered(
    must: list[tuple[int, int]], should: list[tuple[int, int]], rank: list[tuple[int]], expected: tuple[int, ...]
) -> None:
    assert ordered(must, should, rank).order == expected
    assert ordered(reversed(must), reversed(should), rank).order == expected


def test_before_are_the_edges_that_were_kept() -> None:
    graph = ordered([(0, 2)], [(1, 2), (2, 0)], [(0,)] * 3)
    assert (graph.before(2), graph.before(0)) == ([0, 1], [])


EDGES = {"a": ["b"], "b": ["c", "d"], "c": ["e"], "d": ["a"], "e": [], "f": ["f"]}


@pytest.mark.parametrize(
    ("start", "wanted", "expected"),
    [("a", "ce", ["c"]), ("a", "de", ["d", "e"]), ("a", "", []), ("a", "ae", ["e"]), ("e", "abc", [])],
)
def test_nearest_stops_at_the_first_wanted(start: str, wanted: str, expected: list[str]) -> None:
    assert nearest(start, EDGES, frozenset(wanted)) == expected


def test_cycles_are_named_by_a_shortest_way_round() -> None:
    assert cycles(EDGES) == [(frozenset("abd"), ("a", "b", "d", "a")), (frozenset("f"), ("f", "f"))]
    assert cycles({"a": ["b"], "b": []}) == []


def test_reached_gives_the_way_to_the_source() -> None:
    assert reached(EDGES, ["e"]) == {
        "c": ("c", "e"),
        "b": ("b", "c", "e"),
        "a": ("a", "b", "c", "e"),
        "d": ("d", "a", "b", "c", "e"),
    }
    assert reached(EDGES, ["nobody"]) == {}
