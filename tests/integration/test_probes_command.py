"""The command probe with real guards."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host.probes import (  # noqa: E501
    command,
)


def guard(*unless: str, user: str | None = None, chdir: str | None = None) -> dict[str, Any]:
    (facts,) = probes.answer([{"probe": "command", "unless": list(unless), "user": user, "chdir": chdir}])
    return facts


def test_creates(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    queries = [{"probe": "command", "creates": str(tmp_path / name)} for name in ("", "none", "dangling", "no/parent")]
    assert [f["done"] for f in probes.answer(queries)] == [True, False, True, False]


def test_creates_below_a_file_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (facts,) = probes.answer([{"probe": "command", "creates": f"{tmp_path}/f/x"}])
    assert facts == {"error": f"{tmp_path}/f/x: Not a directory"}


@pytest.mark.parametrize(
    ("argv", "facts"),
    [
        (["true"], {"done": True}),
        (["false"], {"done": False}),
        (["sh", "-c", "exit 3"], {"done": False}),
        (["sh", "-c", "no-such-program"], {"error": "unless: could not start its program (exit code 127)"}),
        (["sh", "-c", "kill -9 $$"], {"error": "unless: died of signal 9"}),
        (["no-such-program"], {"error": "unless: can't run no-such-program: No such file or directory"}),
        (["test", "$HOME", "=", "$HOME"], {"done": True}),
        (["test", "a; exit 1", "=", "a; exit 1"], {"done": True}),
    ],
)
def test_unless(argv: list[str], facts: dict[str, Any]) -> None:
    assert guard(*argv) == facts


def test_a_guard_runs_in_its_directory(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert guard("test", "-e", "here", chdir=str(tmp_path)) == {"done": True}
    missing = str(tmp_path / "none")
    assert guard("true", chdir=missing) == {"error": f"unless: the directory {missing} is not there"}


def test_a_guard_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SECONDS", 0.2)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "took more than" in guard("sh", "-c", f"cat <>{fifo} & wait")["error"]
    # The child had the fifo open; it can't be opened for writing once nobody has.
    with pytest.raises(OSError, match="No such device"):
        for _ in range(100):
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            time.sleep(0.01)


def test_a_guard_is_found_where_only_root_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert guard("sh", "-c", 'case "$PATH:" in *:/usr/sbin:*) ;; *) exit 1 ;; esac') == {"done": True}


def test_a_guard_of_nobody_is_unknown() -> None:
    reason = guard("true", user="no-such-user")["error"]
    assert ("there is no user no-such-user" if os.geteuid() == 0 else "only root") in reason


def test_a_guard_runs_as_its_user() -> None:
    facts = guard("sh", "-c", 'test "$(id -un)" = nobody', user="nobody")
    if os.geteuid() == 0 and pwd.getpwnam("nobody"):
        assert facts == {"done": True}
    else:
        assert "only root can run it as nobody" in facts["error"]


def test_a_host_that_is_a_directory_runs_nothing(tmp_path: Path) -> None:
    (facts,) = probes.answer([{"probe": "command", "unless": ["touch", str(tmp_path / "x")]}], str(tmp_path))
    assert "runs no commands" in facts["error"]
    assert list(tmp_path.iterdir()) == []
