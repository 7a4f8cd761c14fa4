"""A store in the test's own directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.store import SqlStore, open_store


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path) -> Iterator[SqlStore]:
    store = open_store(path)
    yield store
    store.close()
