"""The benchmarks' own counts on a small fleet: files parsed, templates rendered, comparisons, rows read. No times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.chart import chart


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "says"), [("bench.parsing", "a file is parsed once"), ("bench.plan", "a plan costs what differs")]
)
def test_counts(module: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--quick"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == says


def test_a_chart_has_a_mark_for_each_point() -> None:
    drawn = chart({"ours": [(10, 0.1), (1000, 1)], "theirs": [(100, 10)]}, "hosts", "seconds")
    rows = [line.partition("|")[2] for line in drawn.splitlines() if "|" in line]
    assert [mark for row in rows for mark in row if mark != " "] == ["*", "o", "o"], "the dearest first"
    assert "  o ours" in drawn and "  * theirs" in drawn
