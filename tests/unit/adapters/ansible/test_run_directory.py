"""What a run that was killed left behind is taken away by the next one; what somebody works in is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.adapters.ansible import directory
from reconciler.adapters.ansible.directory import private_directory

KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler.adapters.ansible import directory
directory.SHARED_MEMORY = Path(sys.argv[1])
with directory.private_directory() as run:
    run.write("payloads/p", b"secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(directory, "SHARED_MEMORY", tmp_path)
    return tmp_path


def test_what_was_left_is_taken_away(memory: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(memory)], check=False).returncode == -9
    [left] = memory.iterdir()
    assert (left / "payloads/p").read_bytes() == b"secret"
    with private_directory() as run:
        assert list(memory.iterdir()) == [run.path]
    assert list(memory.iterdir()) == []


def test_what_is_in_use_or_is_not_ours_stays(memory: Path) -> None:
    elsewhere = memory / "elsewhere"
    elsewhere.mkdir()
    (memory / f"{directory.PREFIX}link").symlink_to(elsewhere)
    with private_directory() as first, private_directory() as second:
        assert {first.path, second.path, elsewhere} < set(memory.iterdir())
    assert {path.name for path in memory.iterdir()} == {"elsewhere", f"{directory.PREFIX}link"}
