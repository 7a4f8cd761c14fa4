"""Tests that need machines are never left out quietly: runs pytest where the programs that they need can't be found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def machine_tests(**env: str) -> subprocess.CompletedProcess[str]:
    """Those of one file, in a pytest that finds no program in PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "RECONCILER"))}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/machines/test_lab.py",
        "-k",
        "logging_in",
    ]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, "PATH": "/nonexistent", **env}, capture_output=True, text=True, check=False
    )


def test_they_are_left_out_loudly() -> None:
    done = machine_tests()
    assert done.returncode == 0, done.stdout
    assert "! LEFT OUT !" in done.stdout
    assert "5 tests: needs root on Linux" in done.stdout
    assert "no systemd-nspawn (Debian package systemd-container)" in done.stdout


@pytest.mark.parametrize(("required", "failed"), [("1", True), ("0", False)])
def test_they_fail_where_they_are_required(required: str, failed: bool) -> None:
    done = machine_tests(RECONCILER_REQUIRE_MACHINES=required)
    assert ("5 errors" in done.stdout) == failed
    assert (done.returncode == 1) == failed
