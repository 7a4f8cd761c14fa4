"""The benchmarks' own counts on a small fleet: files parsed, templates rendered, comparisons, rows read. No times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.chart import chart
from bench.days import A_DAY
from bench.soak import BOUNDS, QUICK_DAYS, Soak


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("bench.parsing", "a file is parsed once"),
        ("bench.plan", "a plan costs what differs"),
        ("bench.report", "a report is as long as what differs"),
        ("bench.soak", "nothing grows"),
    ],
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


def test_whatever_grows_in_a_soak_is_named(tmp_path: Path) -> None:
    steady = dict.fromkeys((*BOUNDS, "most hosts waiting"), 100.0) | {"hosts waiting to be asked": 0.0}
    busy = ("visits", "runs", "changes", "commits", "restarts", "troubles")
    days = [steady | dict.fromkeys(busy, 10.0 * (cycle + 1)) for cycle in range(QUICK_DAYS * A_DAY)]
    soak = Soak(10, QUICK_DAYS, tmp_path, days)
    assert soak.wrong() == []
    for what in BOUNDS:
        grown = [{**counted, what: counted[what] + 1000.0 * cycle} for cycle, counted in enumerate(days)]
        assert any(what.split(",")[0] in line for line in Soak(10, QUICK_DAYS, tmp_path, grown).wrong()), what
    for what in busy:
        idle = [{**counted, what: 0.0} for counted in days]
        assert len(Soak(10, QUICK_DAYS, tmp_path, idle).wrong()) == 1, what


def test_a_chart_has_a_mark_for_each_point() -> None:
    drawn = chart({"ours": [(10, 0.1), (1000, 1)], "theirs": [(100, 10)]}, "hosts", "seconds")
    rows = [line.partition("|")[2] for line in drawn.splitlines() if "|" in line]
    assert [mark for row in rows for mark in row if mark != " "] == ["*", "o", "o"], "the dearest first"
    assert "  o ours" in drawn and "  * theirs" in drawn
