"""Kinds, probes and Ansible's own modules agree: what `calls` does on real files, the probe finds as `wanted`.

Each program of calls runs under a root in tmp_path, so nothing else of this machine is touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.kinds import builtin
from reconciler.model.delivery import Call
from reconciler.model.plan import Action
from reconciler.model.state import Absent, Observed, Present

KINDS = builtin()

RUN_MODULES = """
import contextlib, json, os, runpy, sys
from ansible.module_utils.testing import patch_module_args
for module, args in json.load(sys.stdin):
    with patch_module_args({**args, "_ansible_remote_tmp": os.environ["TMPDIR"]}), contextlib.suppress(SystemExit):
        runpy.run_module("ansible.modules." + module.rpartition(".")[2], run_name="__main__", alter_sys=True)
"""


def rooted(call: Call, root: Path) -> dict[str, Any]:
    args: dict[str, Any] = json.loads(json.dumps(call.args))
    for path in call.paths:
        name, _, index = path.partition(".")
        if index:
            args[name][int(index)] = str(root) + args[name][int(index)]
        else:
            args[name] = str(root) + args[name]
    return args


class Machine:
    def __init__(self, tmp_path: Path) -> None:
        self.root, self.tmp = tmp_path / "root", tmp_path / "tmp"
        self.root.mkdir()
        self.tmp.mkdir()

    def observe(self, kind: str, name: str, **fields: Any) -> Observed:
        spec = KINDS[kind].Spec.model_validate(fields)
        (facts,) = probes.answer([dict(KINDS[kind].query(name, spec))], str(self.root))
        return KINDS[kind].observe(name, spec, facts)

    def act(self, action: Action, kind: str, name: str, **fields: Any) -> list[dict[str, Any]]:
        """What each module answered."""
        calls = KINDS[kind].calls(name, KINDS[kind].Spec.model_validate(fields), action)
        program = []
        for number, call in enumerate(calls):
            args = rooted(call, self.root)
            for arg, data in call.files.items():
                file = self.tmp / f"{number}-{arg}"
                file.write_bytes(data)
                args[arg] = str(file)
            program.append((call.module, args))
        done = subprocess.run(
            [sys.executable, "-c", RUN_MODULES],
            input=json.dumps(program),
            capture_output=True,
            text=True,
            env={**os.environ, "TMPDIR": str(self.tmp), "LC_ALL": "C"},
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def converge(self, action: Action, kind: str, name: str, **fields: Any) -> None:
        results = self.act(action, kind, name, **fields)
        assert [r for r in results if r.get("failed")] == []
        spec = KINDS[kind].Spec.model_validate(fields)
        wanted = Absent() if action == "delete" else KINDS[kind].wanted(name, spec)
        assert self.observe(kind, name, **fields) == wanted


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_file(machine: Machine) -> None:
    fields = {"content": "{{ not a template }} $HOME\n", "mode": "0640"}
    assert machine.observe("file", "/motd", **fields) == Absent()
    machine.converge("create", "file", "/motd", **fields)
    machine.converge("update", "file", "/motd", **{**fields, "content": "x", "validate": "grep -q x %s"})
    refused = machine.act("update", "file", "/motd", **{**fields, "validate": "grep -q nothing %s"})
    assert refused[-1]["failed"]
    assert (machine.root / "motd").read_text() == "x"
    machine.converge("delete", "file", "/motd", **fields)


def test_file_without_content(machine: Machine) -> None:
    machine.converge("create", "file", "/marker", mode="0600")
    (machine.root / "marker").write_text("theirs")
    machine.converge("update", "file", "/marker", mode="0644")
    assert (machine.root / "marker").read_text() == "theirs"


def test_file_bytes(machine: Machine) -> None:
    machine.converge("create", "file", "/blob", content="AP8K", encoding="base64")
    assert (machine.root / "blob").read_bytes() == b"\x00\xff\n"


def test_directory(machine: Machine) -> None:
    machine.converge("create", "directory", "/srv", mode="2750")
    machine.converge("update", "directory", "/srv", mode="0700")
    machine.converge("delete", "directory", "/srv", mode="0700")


def test_a_directory_with_something_in_it_is_not_removed(machine: Machine) -> None:
    machine.converge("create", "directory", "/srv")
    (machine.root / "srv/theirs").write_text("x")
    (result,) = machine.act("delete", "directory", "/srv")
    assert result["failed"]
    assert "Directory not empty" in result["stderr"]
    assert (machine.root / "srv/theirs").read_text() == "x"


def test_no_directory_is_made_that_no_plan_shows(machine: Machine) -> None:
    (result,) = machine.act("create", "directory", "/a/b")
    assert result["failed"]
    assert "No such file or directory" in result["stderr"]
    assert list(machine.root.iterdir()) == []


@pytest.mark.parametrize("target", ["/v2", "v2"])
def test_link(machine: Machine, target: str) -> None:
    for version in ("v1", "v2"):
        (machine.root / version).mkdir()
    machine.converge("create", "link", "/current", target="v1")
    machine.converge("update", "link", "/current", target=target)
    assert (machine.root / "current").resolve() == machine.root / "v2"
    machine.converge("delete", "link", "/current", target=target)
    assert (machine.root / "v2").is_dir()


def test_a_link_replaces_nothing_else_and_does_not_dangle(machine: Machine) -> None:
    (machine.root / "v1").mkdir()
    (machine.root / "file").write_text("theirs")
    assert machine.act("create", "link", "/file", target="v1")[0]["failed"]
    assert (machine.root / "file").read_text() == "theirs"
    assert "src file does not exist" in machine.act("create", "link", "/new", target="gone")[0]["msg"]


PORT = {"path": "/conf", "match": "^#?port=", "text": "port=1"}


@pytest.mark.parametrize(
    ("before", "observed", "after"),
    [
        ("a\n", Absent(), "a\nport=1\n"),
        ("", Absent(), "port=1\n"),
        ("a", Absent(), "a\nport=1\n"),
        ("port=1\na\n", Present({"text": "port=1"}), "port=1\na\n"),
        ("#port=2\na\n", Present({"text": "#port=2"}), "port=1\na\n"),
        ("port=2\na\n#port=3\n", Present({"text": "#port=3"}), "port=2\na\nport=1\n"),
        ("port=1\r\n", Present({"text": "port=1\r"}), "port=1\n"),
        ("port=1", Present({"text": "port=1"}), "port=1\n"),
    ],
)
def test_line_with_match(machine: Machine, before: str, observed: Observed, after: str) -> None:
    (machine.root / "conf").write_bytes(before.encode())
    assert machine.observe("line", "x", **PORT) == observed
    machine.converge("update", "line", "x", **PORT)
    assert (machine.root / "conf").read_bytes() == after.encode()


@pytest.mark.parametrize(
    ("before", "observed", "after"),
    [
        ("a\n", Absent(), "a\nport=1\n"),
        ("port=1\na\n", Present({"text": "port=1"}), "port=1\na\n"),
        ("port=10\n", Absent(), "port=10\nport=1\n"),
        ("a\nport=1\r\nb\n", Present({"text": "port=1\r"}), "a\nport=1\nb\n"),
    ],
)
def test_exact_line(machine: Machine, before: str, observed: Observed, after: str) -> None:
    (machine.root / "conf").write_bytes(before.encode())
    fields = {"path": "/conf", "text": "port=1"}
    assert machine.observe("line", "x", **fields) == observed
    machine.converge("update", "line", "x", **fields)
    assert (machine.root / "conf").read_bytes() == after.encode()


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        (PORT, "a\n"),
        ({"path": "/conf", "match": "^#?port=", "state": "absent"}, "a\n"),
        ({"path": "/conf", "text": "port=1"}, "#port=2\na\n"),
    ],
)
def test_line_removed(machine: Machine, fields: dict[str, Any], after: str) -> None:
    (machine.root / "conf").write_text("#port=2\na\nport=1\n")
    machine.converge("delete", "line", "x", **fields)
    assert (machine.root / "conf").read_text() == after


def test_a_line_of_a_missing_file_is_absent_and_makes_no_file(machine: Machine) -> None:
    assert machine.observe("line", "x", **PORT) == Absent()
    assert "does not exist" in machine.act("create", "line", "x", **PORT)[0]["msg"]
    assert list(machine.root.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"port=\xff\n", "not UTF-8"),
        (b"x" * 9000 + b"\n", "has a line longer"),
        (b"\n" * (4 << 20) + b"x", "is larger"),
    ],
)
def test_a_file_that_can_not_be_searched_is_unknown(machine: Machine, content: bytes, reason: str) -> None:
    (machine.root / "conf").write_bytes(content)
    assert reason in getattr(machine.observe("line", "x", **PORT), "reason", "")


def test_nothing_in_a_commands_arguments_is_expanded(machine: Machine) -> None:
    (result,) = machine.act("create", "command", "x", run=["printf", "%s", "$HOME ~ `id` *; x"], creates="/x")
    assert result["stdout"] == "$HOME ~ `id` *; x"
