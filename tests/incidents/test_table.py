"""The table of incidents in docs/safety.md and the tests that play them say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTS = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
TEST = re.compile(r"`(tests/incidents/\w+\.py)::(test_\w+)`")


def rows() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What each incident is called, and its tests: file and name."""
    for line in (ROOT / "docs" / "safety.md").read_text().splitlines():
        if line.startswith("|") and "tests/incidents" in line:
            yield line.split("|")[1].strip(), TEST.findall(line)


@pytest.mark.parametrize(("incident", "tests"), list(rows()))
def test_it_has_tests_of_its_name(incident: str, tests: list[tuple[str, str]]) -> None:
    words = re.findall(r"[a-z0-9]+", incident.lower())
    assert tests
    for file, name in tests:
        assert f"def {name}(" in (ROOT / file).read_text()
        assert set(words) <= set(name.split("_")), f"{name} is a test of {incident}"


def test_each_test_stands_in_it() -> None:
    found = TESTS.findall((HERE / "test_incidents.py").read_text())
    assert {("tests/incidents/test_incidents.py", name) for name in found} <= {
        test for _, each in rows() for test in each
    }
