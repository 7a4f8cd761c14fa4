"""Odd places to run in: nothing to write to, no home, a reader that leaves, a full disk."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from reconciler.config import Settings, cache_dir, state_dir
from reconciler.model.errors import Stalled
from tests.cli.place import Place

UNWRITABLE = Path("/proc")
"""Here nobody can make a file, root included."""


def test_a_working_directory_that_can_not_be_written_to(fleet: Place) -> None:
    repo = ("--repo", str(fleet.state))
    assert fleet.run("validate", *repo, cwd=UNWRITABLE).code == 0
    assert fleet.run("apply", "--yes", *repo, cwd=UNWRITABLE).code == 0
    assert fleet.run("drift", *repo, cwd=UNWRITABLE).code == 0
    assert fleet.run("why", "web-1", "file//etc/token", *repo, cwd=UNWRITABLE).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--out", "/proc/plan.json"),
        ("plan", "--no-observe", "--out", "/proc/o.json"),
        ("schema", "--out", "/proc/schemas"),
        ("schema", "--settings-reference", "/proc/page.md"),
        ("init", "/proc/state"),
        ("runs", "--store", "/dev/null/store.db"),
    ],
    ids=lambda a: " ".join(a[:2]),
)
def test_a_file_that_can_not_be_written_is_named(fleet: Place, arguments: tuple[str, ...]) -> None:
    said = fleet.run(*arguments)
    assert said.code == 1
    assert arguments[-1] in said.err
    assert said.err.startswith("error: ")


def test_without_home(fleet: Place) -> None:
    """Where the store and the cache are is said, so that none is needed."""
    base = str(fleet.base / "elsewhere")
    env = {"HOME": "", "XDG_STATE_HOME": base, "XDG_CACHE_HOME": base}
    assert fleet.run("apply", "--yes", **env).code == 0
    assert fleet.run("plan", "--no-observe", **env).code == 0


def test_a_user_without_a_home_is_told_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(Stalled, match="no home directory") as state:
        state_dir(Settings())
    assert "RECONCILER_STATE_DIR" in state.value.hint
    with pytest.raises(Stalled, match="no home directory") as cache:
        cache_dir(Settings())
    assert "RECONCILER_CACHE_DIR" in cache.value.hint


def test_a_reader_that_leaves_early(place: Place) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            place.command("schema", "any"),
            cwd=place.state,
            env=place.env,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == 1


def test_output_that_can_not_be_written(place: Place) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            place.command("schema", "any"),
            cwd=place.state,
            env=place.env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: No space left on device")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_a_pause_is_kept_where_the_settings_say_when_the_database_is_elsewhere(fleet: Place, tmp_path: Path) -> None:
    """Whoever runs it: the directories of users differ, those of the settings don't."""
    gone = ("--store", "postgresql://nobody@127.0.0.1:1/none")
    kept = {"RECONCILER_STATE_DIR": str(tmp_path / "kept")}
    said = fleet.run("pause", "--reason", "the database burns", *gone, HOME="/root", **kept)
    (file,) = (tmp_path / "kept").iterdir()
    assert (said.code, f"Kept in {file}." in said.out) == (0, True)
    other = fleet.run("resume", "--reason", "it is back", *gone, HOME=str(tmp_path), **kept)
    assert (other.code, file.exists()) == (1, False)
