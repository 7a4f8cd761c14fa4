"""Every input of the table: a clear error, little time and memory, the process alive, the rest converging."""

from __future__ import annotations

import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.badinput.broken import DOCUMENTS
from tests.badinput.table import REPOSITORIES, SURROUNDINGS, Case
from tests.badinput.threats import THREATS
from tests.cli.place import WEB, Place, place_in

MEGABYTE = 1 << 20
MEMORY = 256
"""Megabytes that may be in use at most."""
ADDRESSES = 512
MOST_SECONDS = 20
"""Of the processor's time, as a last resort; the clock on the wall also counts what others do."""


@dataclass(frozen=True)
class Measured:
    code: int
    out: str
    err: str
    megabytes: float
    seconds: float


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES * MEGABYTE, ADDRESSES * MEGABYTE))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))


def measured(place: Place, *arguments: str, **env: str) -> Measured:
    out, err = place.base / "stdout", place.base / "stderr"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        child = subprocess.Popen(
            place.command(*arguments),
            cwd=place.state,
            env={**place.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            preexec_fn=_limited,  # noqa: PLW1509 (no other thread is here)
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = used.ru_utime + used.ru_stime
    return Measured(child.returncode, out.read_text(), err.read_text(), used.ru_maxrss / 1024, seconds)


@pytest.fixture
def good(tmp_path: Path) -> Place:
    place = place_in(tmp_path)
    place.host("web-1")
    place.commit({"services/web.yaml": WEB})
    return place


@pytest.mark.parametrize("case", [*REPOSITORIES, *DOCUMENTS, *SURROUNDINGS, *THREATS], ids=lambda case: case.name)
def test_bad_input(good: Place, case: Case) -> None:
    case.spoil(good)
    said = measured(good, *case.arguments)
    text = said.out + said.err
    assert said.code == case.code, text
    assert "Traceback" not in text
    assert [word for word in case.words if word not in text] == [], text
    assert "\x1b" not in text
    assert len(text) < case.longest
    assert said.megabytes < MEMORY
    assert said.seconds < case.seconds
    if case.verdict:
        assert " fine and would converge." in text


def test_the_good_ones_are_good(good: Place) -> None:
    assert measured(good, "validate").code == 0
    assert measured(good, "runs").code == 0


def test_a_variable_that_is_no_setting(good: Place) -> None:
    said = measured(good, "validate", RECONCILER_ALOW_LOCAL="true", RECONCILER_LIMITS__DELETES="many")
    assert said.code == 1
    for words in (
        "RECONCILER_ALOW_LOCAL is no setting",
        "RECONCILER_ALLOW_LOCAL?",
        "RECONCILER_LIMITS__DELETES='many'",
    ):
        assert words in said.err


def test_hosts_of_this_machine_need_the_operator(good: Place) -> None:
    said = measured(good, "validate", RECONCILER_ALLOW_LOCAL="false")
    assert said.code == 1
    assert "hosts/web-1.yaml:4:" in said.out
    assert "allow_local" in said.out


def test_everything_else_converges(good: Place) -> None:
    """All the bad documents at once, and the good host gets what the good service wants."""
    alone = {"two of one name", "circle", "50 MB", "100 MB of aliases"}
    for number, case in enumerate(case for case in DOCUMENTS if case.name not in alone):
        case.spoil(good)
        (good.state / "bad.yaml").rename(good.state / f"bad-{number}.yaml")
    good.commit()
    assert good.run("validate").code == 1
    said = good.run("apply", "--yes")
    assert said.code == 0, said.out
    assert (good.root("web-1") / "etc/web.conf").read_text() == "listen 8080\nname web-1\n"
    assert not (good.root("web-1") / "etc/bad").exists()
    assert "reconciler validate" in said.out
