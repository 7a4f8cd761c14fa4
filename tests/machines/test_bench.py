"""The benchmarks' own counts, on four hosts: commands of each visit, and what travels. No times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.machines
@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("bench.apply", "one command a host and visit; a second visit sends no code"),
        ("bench.observe", "one command a host and look; of equal answers one is written, then none"),
    ],
)
def test_counts_of_a_visit(module: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--quick"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == says
