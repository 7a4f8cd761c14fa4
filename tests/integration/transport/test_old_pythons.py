"""Visits of hosts with other Pythons than ours, each as old or new as can be found: looking, changing, and refusing.

Found are those of the PATH, of pyenv, and what HOST_PYTHONS names (paths, with colons between them).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache as once
from pathlib import Path

import pytest

from reconciler.model.delivery import Call, Payload, Work
from reconciler.model.key import Key
from tests.conftest import LEFT_OUT

from .conftest import Machine, put, with_settings

OLDEST = "3.8"
NEWER = [f"3.{minor}" for minor in range(8, 15)]
OLDER = ["3.6", "3.7"]


def _candidates(version: str) -> Iterator[str]:
    yield from filter(None, os.environ.get("HOST_PYTHONS", "").split(":"))
    yield from (str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    yield from filter(None, [shutil.which(f"python{version}"), "/usr/bin/python3"])


@once
def _found(version: str) -> str:
    """A Python of that version, empty for none."""
    for path in _candidates(version):
        asked = [path, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if not Path(path).exists():
            continue
        if subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip() == version:
            return path
    return ""


def _python(version: str) -> str:
    path = _found(version)
    if not path:
        loudly = f"{LEFT_OUT}: " if version == OLDEST else ""
        pytest.skip(f"{loudly}needs a Python {version} to be a host's; name one in HOST_PYTHONS")
    return path


def test_there_is_one_at_least() -> None:
    """Whatever this machine has, the host's side has run with it: the rest is not left out altogether."""
    assert [version for version in NEWER if _found(version)]


@pytest.mark.parametrize("version", NEWER)
def test_a_visit(local: Machine, version: str) -> None:
    machine = with_settings(local, python=_python(version))
    line = {"path": machine.path("made"), "line": "two", "state": "present"}
    works = (
        put(machine, "made", b"one\n"),
        Work(Key("line", "x"), {}, "", (Call("ansible.builtin.lineinfile", line, paths=("path",)),)),
        Work(Key("command", "x"), {}, "", (Call("ansible.builtin.command", {"argv": ["true"]}),)),
        Work(Key("command", "y"), {}, "", (Call("ansible.builtin.command", {"argv": ["false"]}),)),
    )
    queries = {Key("file", "made"): machine.query("made"), Key("package", "bash"): {"probe": "package", "name": "bash"}}
    reply = machine.carry(Payload(queries, works))
    assert [outcome.result for outcome in reply.outcomes] == ["changed", "changed", "changed", "failed"]
    assert (machine.files / "made").read_text() == "one\ntwo\n"
    assert reply.facts[Key("file", "made")]["exists"] is True
    again = machine.carry(Payload(queries, works[:2]))
    assert (again.status, [outcome.result for outcome in again.outcomes]) == ("done", ["changed", "changed"])


@pytest.mark.parametrize("version", OLDER)
def test_one_that_is_too_old_gets_a_sentence(local: Machine, version: str) -> None:
    machine = with_settings(local, python=_python(version))
    reply = machine.carry(Payload({Key("file", "a"): machine.query("a")}))
    assert reply.status == "refused"
    assert reply.reason == f"{machine.settings.python} is Python {version}; 3.8 or newer is needed"
