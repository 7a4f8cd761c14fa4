"""Orders of random edges, beside the rules written down in the plainest way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.graph import ordered

Edges = list[tuple[int, int]]
MANY = 7
POSITIONS = st.integers(0, MANY - 1)


@given(
    st.permutations(range(MANY)),
    st.lists(st.tuples(POSITIONS, POSITIONS), max_size=8),
    st.lists(st.tuples(POSITIONS, POSITIONS), max_size=12),
    st.lists(st.integers(0, 3), min_size=MANY, max_size=MANY),
)
def test_an_order_keeps_the_edges_that_it_can_and_ranks_beside(
    free: list[int], pairs: Edges, should: Edges, ranks: list[int]
) -> None:
    must = [(free[min(pair)], free[max(pair)]) for pair in pairs if pair[0] != pair[1]]
    graph = ordered(must, should, [(rank,) for rank in ranks])
    kept = _kept(must, should)
    assert [graph.before(position) for position in range(MANY)] == [
        sorted({before for before, after in kept if after == position}) for position in range(MANY)
    ]
    left, expected = set(range(MANY)), []
    while left:
        free_now = [at for at in left if not any(after == at and before in left for before, after in kept)]
        expected.append(min(free_now, key=lambda at: (ranks[at], at)))
        left.remove(expected[-1])
    assert list(graph.order) == expected


def _kept(must: Edges, should: Edges) -> Edges:
    kept = list(must)
    for before, after in sorted(set(should)):
        if before not in _after(after, kept):
            kept.append((before, after))
    return kept


def _after(start: int, edges: Edges) -> set[int]:
    """Everything that comes after a position, itself included."""
    found = {start}
    for _ in range(MANY):
        found |= {after for before, after in edges if before in found}
    return found
