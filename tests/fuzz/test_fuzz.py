"""Each fuzz target for a moment, with a seed, from its corpus; and that a target that fails is heard."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.place import ROOT

TARGETS = ("facts", "git_tree", "plan_file", "yaml_state")
BROKEN = """\
import sys
from fuzz.target import fuzz

def one(data: bytes) -> None:
    if data.startswith(b"a"):
        raise KeyError("planted")

fuzz("yaml_state", one)
"""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="LEFT OUT: atheris is not installed (it is for Linux)"
)


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, *words, f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds(target: str, tmp_path: Path) -> None:
    done = run(tmp_path, "-m", f"fuzz.{target}", "-seed=1", "-runs=2000", "-max_total_time=15")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr


def test_every_target_has_a_corpus() -> None:
    modules = {path.stem for path in (ROOT / "fuzz").glob("*.py")} - {"__init__", "target"}
    assert modules == set(TARGETS)
    assert all(any((ROOT / "fuzz/corpus" / target).iterdir()) for target in TARGETS)


def test_a_failure_is_heard(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    done = run(tmp_path, str(tmp_path / "broken.py"), "-seed=1", "-runs=2000", "-max_total_time=15")
    assert done.returncode != 0
    assert "planted" in done.stdout + done.stderr
