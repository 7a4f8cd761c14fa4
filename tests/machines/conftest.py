"""Four real machines for the tests of this folder. They share them: a test cleans up what it changed, or resets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab import Lab, Machine
from tests.machines.state import StateRepo


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Four machines; one lab for each xdist worker."""
    with Lab(4) as lab:
        yield lab


@pytest.fixture
def machine(lab: Lab) -> Iterator[Machine]:
    """The first machine, as after its first boot when the test is done."""
    yield lab.machines[0]
    lab.machines[0].reset()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the product keeps between runs for speed."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def state(lab: Lab, cache: Path, tmp_path: Path) -> Iterator[StateRepo]:
    """A state repository with all four machines, which are as after their first boot when the test is done."""
    yield StateRepo(lab, tmp_path, cache)
    fresh(lab)


def fresh(lab: Lab) -> None:
    """All machines of the lab as after their first boot."""
    with ThreadPoolExecutor(len(lab.machines)) as pool:
        list(pool.map(Machine.reset, lab.machines))
