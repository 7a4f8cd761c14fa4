"""The simulation finds what it is there to find: each planted bug shows in some seed."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.play import play

PATIENCE = 60
"""Seeds in which a bug has to show."""


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[bug](monkeypatch.setattr)
    assert any(play(seed).oracle.wrong for seed in range(PATIENCE)), f"{PATIENCE} seeds did not show it"
