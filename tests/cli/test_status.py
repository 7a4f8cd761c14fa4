"""The screen for who is on call, as it is run: without the store, and watched on a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.cli.place import Place
from tests.cli.terminal import terminal

CLEAR = "\x1b[2J\x1b[1;1H"
"""What a terminal takes for: from the top, on an empty screen."""
BROKEN = b"SQLite format 3\x00" + b"\x99" * 8192


@pytest.fixture
def burning(fleet: Place, tmp_path: Path) -> tuple[Place, Path]:
    """Paused, and then the store is no store any more."""
    store = tmp_path / "store.db"
    assert fleet.run("apply", "--yes", "--store", str(store)).code == 0
    assert fleet.run("pause", "--reason", "the database burns", "--store", str(store)).code == 0
    store.write_bytes(BROKEN)
    return fleet, store


def test_without_the_store_it_says_what_else_is_known(burning: tuple[Place, Path]) -> None:
    place, store = burning
    said = place.run("status", "--store", str(store))
    lines = said.out.splitlines()
    assert (said.code, said.err) == (1, "")
    assert lines[0] == "▮ paused   the store can't be asked"
    assert re.fullmatch(r"paused by \S+ \d+ s ago: the database burns", lines[1])
    assert lines[2].startswith("store        ") and str(store) in lines[2]
    assert lines[3].strip().startswith("so nobody knows")
    assert lines[4].startswith(f"revision     {place.git('rev-parse', 'HEAD')[:7]} “first state”, committed ")
    assert len(lines) == 5, "nothing is said of what is in the store"


def test_without_the_store_programs_are_told_too(burning: tuple[Place, Path]) -> None:
    place, store = burning
    document = place.run("status", "--store", str(store), "--output", "json").document
    assert (document["state"], document["paused"]["why"]) == ("paused", "the database burns")
    assert str(store) in document["store_trouble"]
    assert (document["git"]["revision"], document["git"]["problems"]) == (place.git("rev-parse", "HEAD"), 0)
    assert (document["outlook"], document["runs"], document["trouble"]) == (None, [], "")


def test_with_neither_store_nor_git_it_still_answers(burning: tuple[Place, Path]) -> None:
    place, store = burning
    said = place.run("status", "--store", str(store), "--rev", "no-such-branch")
    assert said.code == 1
    assert said.out.startswith("▮ paused")
    assert "\nGit          " in said.out


class Screens:
    """What a terminal shows, one screen after the other."""

    def __init__(self, child: pexpect.spawn[str]) -> None:
        self.child = child
        child.expect_exact(CLEAR)

    def until(self, words: str) -> str:
        """The first screen with these words on it, whole."""
        while True:
            self.child.expect_exact(CLEAR)
            screen = str(self.child.before)
            if words in screen:
                return screen


def test_watching_shows_how_it_goes_on_and_ends_without_a_word(fleet: Place) -> None:
    with terminal(fleet, "status", "--watch", "--every", "1s") as child:
        screens = Screens(child)
        first = screens.until("Nothing was applied yet.")
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\r\n\r\n", first), "when it was looked"
        assert fleet.run("apply", "--yes").code == 0
        assert "1 service is in order" in screens.until("as Git says")
        assert fleet.run("pause", "--reason", "lunch").code == 0
        assert "▮ paused" in screens.until("lunch")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
        assert "Traceback" not in str(child.before) and "error" not in str(child.before)


def test_watching_waits_for_a_store_that_is_away(fleet: Place, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    assert fleet.run("apply", "--yes", "--store", str(store)).code == 0
    good = store.read_bytes()
    with terminal(fleet, "status", "--watch", "--every", "1s", "--store", str(store)) as child:
        screens = Screens(child)
        screens.until("run 1 succeeded")
        store.write_bytes(BROKEN)
        assert "run 1" not in screens.until("the store can't be asked")
        store.write_bytes(good)
        screens.until("run 1 succeeded")
        child.sendintr()
        child.expect(pexpect.EOF)


def test_watching_for_programs_gives_a_document_a_line(fleet: Place) -> None:
    command = fleet.command("status", "--watch", "--every", "1s", "--output", "json")
    with subprocess.Popen(command, cwd=fleet.state, env=fleet.env, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        for _ in range(2):
            assert json.loads(watching.stdout.readline())["state"] == "partly unknown"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 0
