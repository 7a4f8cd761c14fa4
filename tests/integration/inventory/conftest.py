"""A source of hosts as an operator would configure it, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.inventory import InventorySource, SourceSettings


class MovedClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def source(tmp_path: Path, clock: MovedClock) -> Callable[..., InventorySource]:
    """A new object each time: what it knows, it has from disk."""

    def make(path: Path, kind: str = "ansible", **settings: Any) -> InventorySource:
        given: dict[str, Any] = {"name": "src", "memory": tmp_path / "memory", **settings}
        return InventorySource(SourceSettings(type=kind, source=path, **given), clock)

    return make
