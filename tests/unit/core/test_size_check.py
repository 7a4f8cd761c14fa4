"""Readings that are too far from the one before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.core.inventories.admit import Entry, admit
from reconciler.core.inventories.size_check import Bounds, delta, objection
from reconciler.model.inventory import Snapshot


def snapshot(names: range, role: str = "web", rules: str = "r") -> Snapshot:
    entries = (Entry(f"h{i}", {"role": role}) for i in names)
    return Snapshot(admit(entries, "s", allow_local=False), datetime(2026, 1, 1, tzinfo=UTC), rules)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (range(100), range(100), ""),
        (range(100), range(50), "50 of 100 hosts are gone"),
        (range(100), range(75), "25 of 100 hosts are gone"),
        (range(100), range(76), ""),
        (range(100), range(199), ""),
        (range(100), range(200), "100 hosts came to 100"),
        (range(100), range(50, 150), "50 of 100 hosts are gone"),
        (range(10), range(1), ""),
        (range(12), range(1), "11 of 12 hosts are gone"),
        (range(3), range(13), ""),
        (range(3), range(0), "it lists no usable host"),
        (range(0), range(0), ""),
    ],
)
def test_halved_doubled_exchanged_and_small(before: range, after: range, said: str) -> None:
    found = delta(snapshot(before), snapshot(after))
    objected = objection(found, Bounds(), first=False)
    assert objected.startswith(said)
    assert bool(objected) == bool(said)


def test_other_labels_are_as_good_as_gone_unless_the_operator_changed_the_rules() -> None:
    relabelled = delta(snapshot(range(100)), snapshot(range(100), role="db"))
    assert (relabelled.lost, relabelled.moved) == (0, 100)
    assert objection(relabelled, Bounds(), first=False).startswith("100 of 100 hosts have other labels")
    wanted = delta(snapshot(range(100)), snapshot(range(100), role="db", rules="new"))
    assert objection(wanted, Bounds(), first=False) == ""


def test_the_first_reading_is_taken_unless_it_is_empty() -> None:
    assert objection(delta(None, snapshot(range(5000))), Bounds(), first=True) == ""
    assert objection(delta(None, snapshot(range(0))), Bounds(), first=True) == "it lists no usable host"


def test_bounds_are_the_operators() -> None:
    strict, loose = Bounds(lost=0.01, floor=0), Bounds(lost=1.0, gained=100.0)
    one_less = delta(snapshot(range(100)), snapshot(range(99)))
    assert objection(one_less, strict, first=False)
    assert objection(delta(snapshot(range(100)), snapshot(range(20))), loose, first=False) == ""
