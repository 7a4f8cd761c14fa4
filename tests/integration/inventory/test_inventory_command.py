"""Inventories through the command line: settings, `inventory`, `accept`, and hosts that end in a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.config import load_settings
from reconciler.model.errors import Stalled
from tests.integration.git.git_repositories import Repository

SERVICE = """\
apiVersion: reconciler/v1
kind: Service
metadata: {name: motd}
spec:
  hosts: {matchLabels: {role: web}}
  resources: [{file: /etc/motd, content: hello, mode: "0644"}]
"""
TABLE = """\
allow_local = true
[[inventory]]
name = "cmdb"
type = "json"
source = "hosts.json"
max_age = "0s"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    Repository(tmp_path / "state").commit("first", **{"services__motd.yaml": SERVICE})
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "reconciler.toml").write_text(TABLE)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("RECONCILER_REPO", str(tmp_path / "state"))
    return tmp_path / "work"


def export(place: Path, count: int) -> None:
    hosts = [
        {"name": f"m{i}", "connection": "local", "root": str(place / f"m{i}"), "labels": {"role": "web"}}
        for i in range(count)
    ]
    (place / "hosts.json").write_text(json.dumps({"format_version": 1, "hosts": hosts}))


def reply(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert run([*arguments, "--output", "json"]) == status
    return json.loads(capsys.readouterr().out)


def test_from_a_file_to_a_plan_and_why(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(place, 2)
    for i in range(2):
        (place / f"m{i}" / "etc").mkdir(parents=True)
    before = reply(capsys, "validate")
    assert {p["reason"] for p in before["problems"]} == {"inventory-unread", "selects-nothing"}
    planned = reply(capsys, "plan", status=2)
    assert [host for step in planned["steps"] for hosts in step["programs"].values() for host in hosts] == ["m0", "m1"]
    assert reply(capsys, "validate")["problems"] == []
    assert run(["why", "m1", "file//etc/motd"]) == 0
    assert "m1 is at inventory:cmdb" in capsys.readouterr().out


def test_planning_without_asking_reads_no_source(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(place, 2)
    reply(capsys, "inventory", "--refresh")
    (place / "hosts.json").unlink()
    reply(capsys, "plan", "--no-observe")
    found = reply(capsys, "inventory")
    assert [(i["hosts"], i["problems"]) for i in found["inventories"]] == [(2, [])]
    found = reply(capsys, "inventory", "--refresh")
    assert [p["reason"] for i in found["inventories"] for p in i["problems"]] == ["inventory-unreadable"]


def test_a_jump_is_shown_held_and_accepted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(place, 40)
    assert reply(capsys, "inventory", "--refresh")["inventories"][0]["held"] is None
    export(place, 20)
    held = reply(capsys, "inventory", "--refresh")["inventories"][0]
    assert (held["hosts"], held["held"]["hosts"], held["held"]["lost"]) == (40, 20, 20)
    assert run(["inventory"]) == 0
    shown = capsys.readouterr().out
    assert "40 hosts, read " in shown
    assert "if that is right: reconciler inventory accept cmdb" in shown
    assert run(["inventory", "accept", "cmdb"]) == 0
    assert "20 hosts" in capsys.readouterr().out
    assert run(["inventory", "--output", "markdown"]) == 0
    assert "| cmdb | 20 hosts" in capsys.readouterr().out
    assert run(["inventory", "accept", "cmbd"]) == 1
    assert 'did you mean "cmdb"?' in capsys.readouterr().err


def test_no_inventory_is_fine(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "reconciler.toml").write_text("")
    assert run(["inventory", "--refresh"]) == 0
    assert "No inventory is configured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('lables = {a = "value:x"}', 'inventory.0.lables is no setting; did you mean "inventory.0.labels"?'),
        ('labels = {a = "x"}', "groups:role_"),
        ('labels = {"a b" = "value:x"}', "a b"),
        ('max_age = "ten"', "write 90s, 10m, 2h or 1d"),
        ("max_age = 600", "write 90s, 10m, 2h or 1d"),
        ('name = "A"', "inventory.0.name"),
        ('type = "ini"', "inventory.0.type"),
        ("max_lost = 0", "max_lost"),
        ('vars = ["ansible_host"]', "variable"),
        ('environment = ["LD_PRELOAD"]', "can't be passed on"),
        ('type = "json"\nlabels = {a = "value:x"}', "only mean something with type ansible"),
    ],
)
def test_settings_are_checked(tmp_path: Path, line: str, said: str) -> None:
    table = {"name": 'name = "a"', "type": 'type = "ansible"', "source": 'source = "/x"'}
    table |= {each.split(" ")[0]: each for each in line.splitlines()}
    (tmp_path / "r.toml").write_text("[[inventory]]\n" + "\n".join(table.values()))
    with pytest.raises(Stalled) as raised:
        load_settings(str(tmp_path / "r.toml"), {}, {})
    assert said in raised.value.message


def test_two_inventories_have_two_names(tmp_path: Path) -> None:
    table = '[[inventory]]\nname = "a"\ntype = "csv"\nsource = "x"\n'
    (tmp_path / "r.toml").write_text(table * 2)
    with pytest.raises(Stalled, match=r"inventory: .*two of them are called a"):
        load_settings(str(tmp_path / "r.toml"), {}, {})


@pytest.mark.parametrize("name", ["RECONCILER_INVENTORY", "RECONCILER_INVENTORY__NAME"])
def test_tables_are_no_variables(name: str) -> None:
    with pytest.raises(Stalled, match="is no setting"):
        load_settings(None, {name: "x"}, {})
