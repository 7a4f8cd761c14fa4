"""The demo: plays through to its end, shows commands that can be repeated, and leaves what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.demo import STORY
from tests.command_line import reconciler


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and all that was said, once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
    done = reconciler("demo", "--folder", "here", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "here", done.stdout


def test_it_shows_every_command_before_it_runs_it(played: tuple[Path, str]) -> None:
    said = played[1].splitlines()
    shown = [line.removeprefix("$ ") for line in said if line.startswith("$ ")]
    commands = [command for scene in STORY for command in scene.commands]
    assert [command for command in shown if command in commands] == commands


def test_without_a_terminal_there_is_no_colour(played: tuple[Path, str]) -> None:
    assert "\x1b" not in played[1]


def test_the_output_is_that_of_the_commands(played: tuple[Path, str]) -> None:
    summaries = [line for line in played[1].splitlines() if line.startswith(("Plan: ", "Run ", "No changes."))]
    assert summaries == [
        "Plan: 26 to create, 6 to update, 0 to delete on 6 hosts.",
        "Run 1 succeeded: 26 created, 6 updated, 0 deleted on 6 hosts.",
        "Plan: 1 to create, 9 to update, 0 to delete on 4 hosts.",
        "Plan: 1 to create, 1 to update, 0 to delete on 2 hosts.",
        "Run 2 succeeded: 1 created, 1 updated, 0 deleted on 2 hosts.",
        "Plan: 0 to create, 8 to update, 0 to delete on 4 hosts.",
        "Run 3 succeeded: 0 created, 8 updated, 0 deleted on 4 hosts.",
        "Plan: 0 to create, 0 to update, 16 to delete on 4 hosts.",
        "Run 4 succeeded: 0 created, 0 updated, 16 deleted on 4 hosts.",
        summaries[-1],
    ]
    assert summaries[-1].startswith("No changes. 6 hosts match revision ")


def test_a_delete_says_which_run_was_the_last_to_put_it_there(played: tuple[Path, str]) -> None:
    deletes = [line.split() for line in played[1].splitlines() if line.startswith("  - ")]
    runs = {words[1]: words[-1] for words in deletes if words[-1].isdigit()}
    assert runs == {
        "link//srv/www": "1",
        "file//srv/shop/shop.conf": "3",
        "file//srv/shop/index.html": "3",
        "directory//srv/shop": "1",
    }


def test_the_hosts_end_as_the_story_tells(played: tuple[Path, str]) -> None:
    hosts = played[0] / "hosts"
    for host in sorted(hosts.iterdir()):
        assert (host / "etc/ssh/sshd_config").read_text() == "Port 22\nPermitRootLogin no\n"
        assert (host / "etc/motd").read_text().startswith(f"{host.name} in ")
    assert "memory = 16G" in (hosts / "db-2/srv/database/database.conf").read_text()
    assert [path.name for path in (hosts / "web-1/srv").iterdir()] == []


def test_what_it_leaves_can_be_gone_on_with(played: tuple[Path, str]) -> None:
    folder = played[0]
    (folder / "hosts/db-1/srv/database/database.conf").chmod(0o666)
    drift = reconciler("drift", cwd=folder)
    assert drift.returncode == 2, drift.stderr
    assert "mode   0640 → 0666" in drift.stdout


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = reconciler("demo", "--folder", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_command_that_ends_otherwise_stops_the_demo(tmp_path: Path) -> None:
    from reconciler.cli.demo import Scene, _Show
    from reconciler.model.errors import Stalled

    with pytest.raises(Stalled, match="ended with 0, not 2"):
        _Show(tmp_path, color=False).scene(1, Scene("A title", "Some words.", ("true",), 2))
