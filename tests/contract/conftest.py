"""Stores to hold against what every store promises, one for each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from reconciler.adapters.store import SqlStore
from tests.stores import BACKENDS, Place, place


@pytest.fixture(params=BACKENDS)
def opened(request) -> Iterator[Place]:
    """Opens the same store again each time that it is called, as another process would."""
    with place(request.param) as here:
        yield here


@pytest.fixture
def store(opened: Callable[[], SqlStore]) -> SqlStore:
    return opened()
