"""Chaos on every backend from a fixed seed, and the bugs that it must find."""

from __future__ import annotations

import os

import pytest

from tests.chaos.faults import CRASH_TABLE
from tests.chaos.plants import PLANTS
from tests.chaos.run import Chaos, run
from tests.stores import BACKENDS

KILLS = int(os.environ.get("CHAOS_KILLS", "1000"))
"""Workers that die, on each database. For longer: `python -m tests.chaos --kills 50000`."""
FEW = KILLS // 50
"""At each row of the crash table at least."""


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_is_killed_nothing_is_lost_or_done_twice(backend) -> None:
    report = run(Chaos(1, backend, KILLS))
    assert report.wrong == [], str(report)
    assert report.killed.total() >= KILLS
    assert {row: report.killed[point] for row, point in CRASH_TABLE.items() if report.killed[point] < FEW} == {}


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS)
def test_every_bug_that_is_planted_is_found(plant) -> None:
    assert run(Chaos(1, "sqlite", 300, plant)).wrong != []
