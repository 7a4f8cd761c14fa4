"""Works that can't be bundled: ordinary Ansible tasks between the visits, with the host checked, held and fenced."""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import kinds
from reconciler.adapters.ansible.choice import Way
from reconciler.kinds import builtin
from reconciler.model.delivery import Call, Payload, Reply, Work
from reconciler.model.digest import digest
from reconciler.model.key import Key

from .conftest import Machine, put, with_settings

SECRET = "correct-horse-battery-staple"
# A module that is no Python: it gets the path of a file with its arguments, as Ansible has it for such modules.
TOOL = """#!/bin/sh
# WANT_JSON
field() { sed -n 's/.*"'"$1"'": "\\([^"]*\\)".*/\\1/p' "$2"; }
path=$(field path "$1")
wait=$(field wait "$1")
case $(field state "$1") in
    fails) echo '{"failed": true, "msg": "out of order"}' ;;
    waits)
        touch "$path"
        n=0; while [ ! -e "$wait" ] && [ $n -lt 4000 ]; do sleep 0.05; n=$((n + 1)); done
        echo '{"changed": true}' ;;
    *) echo "$path" > "$path"; echo '{"changed": true, "msg": "made it"}' ;;
esac
"""


@pytest.fixture
def way() -> Way:
    return "standard"


@pytest.fixture(params=["local", "ssh"])
def machine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine, and a controller with a collection that has such a module."""
    machine: Machine = request.getfixturevalue(request.param)
    modules = tmp_path / "home/.ansible/collections/ansible_collections/acme/things/plugins/modules"
    modules.mkdir(parents=True)
    (modules / "tool").write_text(TOOL)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return machine


def tool(machine: Machine, name: str, **args: str) -> Work:
    call = Call("acme.things.tool", {"path": machine.path(name), **args}, paths=("path", "wait"))
    return Work(Key("tool", name), machine.query(name), "", (call,), ordinary=True)


def results(reply: Reply) -> list[str]:
    return [outcome.result for outcome in reply.outcomes]


def test_it_is_done_in_its_place_and_the_host_looked_at_afterwards(machine: Machine) -> None:
    works = (put(machine, "a", b"x"), tool(machine, "b"), put(machine, "c", b"x"))
    queries = {work.key: work.query for work in works}
    reply = machine.carry(Payload(queries, works))
    assert (reply.status, reply.reason) == ("done", "")
    assert results(reply) == ["changed", "changed", "changed"]
    assert reply.outcomes[1].message == "made it"
    assert [facts["exists"] for facts in reply.facts.values()] == [True, True, True]
    assert reply.identity
    times = [(machine.files / name).stat().st_mtime_ns for name in "abc"]
    assert times == sorted(times)
    assert not (machine.state / "lease.json").exists()
    assert json.loads((machine.state / "epochs.json").read_bytes()) == {machine.store: 1}


def test_no_kind_that_comes_with_us_needs_it(local: Machine) -> None:
    """Every module that the kinds name can be bundled, all in one: none of them is an ordinary task."""
    assert not [kind.name for kind in builtin().values() if kind.ordinary]
    sources = [path.read_text() for path in Path(kinds.__file__).parent.glob("*.py")]
    modules = sorted(set(re.findall(r'"(ansible\.builtin\.[a-z0-9_]+)"', "".join(sources))))
    assert len(modules) > 10
    calls = tuple(Call(module, {}, needs="no-such-program") for module in modules)
    reply = local.carry(Payload({}, (Work(Key("all", "modules"), {}, "", calls),)))
    assert reply.reason == "all/modules: no-such-program is not on this host"


def test_undeclared_it_is_refused_with_what_to_do(machine: Machine) -> None:
    reply = machine.carry(Payload({}, (replace(tool(machine, "b"), ordinary=False),)))
    assert reply.status == "failed"
    assert "is not a Python module that can be bundled" in reply.reason
    assert not (machine.files / "b").exists()


def test_a_module_with_a_part_on_the_controller_gets_its_files_there(machine: Machine) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("inside.txt")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"in"))
    args = {"dest": machine.path("")}
    call = Call("ansible.builtin.unarchive", args, paths=("dest",), files={"src": archive.getvalue()})
    reply = machine.carry(Payload({}, (Work(Key("archive", "x"), {}, "", (call,), ordinary=True),)))
    assert (reply.status, results(reply)) == ("done", ["changed"])
    assert (machine.files / "inside.txt").read_text() == "in"


def test_a_host_that_is_not_as_planned_is_left_alone(machine: Machine) -> None:
    (machine.files / "b").write_text("as planned")
    before = machine.facts("b")
    (machine.files / "b").write_text("moved")
    works = (put(machine, "a", b"x"), replace(tool(machine, "b"), expect=before))
    reply = machine.carry(Payload({}, works))
    assert (reply.status, results(reply)) == ("stale", ["skipped", "stale"])
    assert not (machine.files / "a").exists()
    assert (machine.files / "b").read_text() == "moved"
    assert not (machine.state / "lease.json").exists()


def test_the_first_failure_ends_the_program(machine: Machine) -> None:
    works = (put(machine, "a", b"x"), tool(machine, "b", state="fails"), put(machine, "c", b"x"))
    reply = machine.carry(Payload({Key("file", "c"): machine.query("c")}, works))
    assert (reply.status, results(reply)) == ("failed", ["changed", "failed", "skipped"])
    assert reply.reason == "tool/b: out of order"
    assert reply.facts[Key("file", "c")]["exists"] is False
    assert not (machine.state / "lease.json").exists()


def test_a_run_that_was_overtaken_is_refused(machine: Machine) -> None:
    assert machine.carry(Payload({}, (put(machine, "a", b"7"),)), epoch=7).status == "done"
    reply = machine.carry(Payload({}, (tool(machine, "b"),)), epoch=6)
    assert (reply.status, results(reply)) == ("refused", [])
    assert not (machine.files / "b").exists()


def test_nobody_else_gets_the_host_meanwhile(machine: Machine) -> None:
    replies: list[Reply] = []
    works = (tool(machine, "b", state="waits", wait=machine.path("release")), put(machine, "c", b"x"))
    run = threading.Thread(target=lambda: replies.append(machine.carry(Payload({}, works))))
    run.start()
    until = time.monotonic() + 120
    while not (machine.files / "b").exists():
        assert time.monotonic() < until, "it was not begun"
        time.sleep(0.05)
    look = Payload({Key("file", "a"): machine.query("a")})
    meanwhile = [machine.carry(look), machine.carry(Payload({}, (put(machine, "a", b"x"),)), epoch=9)]
    (machine.files / "release").touch()
    run.join()
    assert {(r.status, r.reason) for r in meanwhile} == {("refused", "another reconciler run holds this host")}
    assert [(r.status, results(r)) for r in replies] == [("done", ["changed", "changed"])]
    assert machine.carry(look).status == "done"


def test_a_run_that_dies_does_not_hold_it_for_ever(machine: Machine) -> None:
    assert machine.carry(Payload({}, (put(machine, "a", b"x"),))).status == "done"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    for until, status in ((time.monotonic() + 300, "refused"), (time.monotonic() - 1, "done")):
        lease = {"holder": "another", "boot": boot, "until": until}
        (machine.state / "lease.json").write_text(json.dumps(lease))
        assert machine.carry(Payload({Key("file", "a"): machine.query("a")})).status == status


def test_nothing_is_shown_of_sensitive_works(machine: Machine) -> None:
    call = Call("ansible.builtin.script", {"_raw_params": f"/no/such/{SECRET}"})
    fails = Work(Key("script", "x"), {}, "", (call,), sensitive=True, ordinary=True)
    says = replace(tool(machine, "b"), sensitive=True)
    reply = machine.carry(Payload({}, (says, fails)))
    assert results(reply) == ["changed", "failed"]
    assert [outcome.message for outcome in reply.outcomes] == ["", "(output hidden: sensitive)"]
    assert SECRET not in repr(reply)


@pytest.mark.parametrize("way", ["fan-out"])
def test_it_goes_the_standard_way_whatever_is_set(ssh: Machine, way: Way) -> None:
    call = Call("ansible.builtin.file", {"path": ssh.path("d"), "state": "directory"})
    works = (Work(Key("directory", "d"), {}, "", (call,), ordinary=True), put(ssh, "a", b"x"))
    reply = with_settings(ssh, carrier=way).carry(Payload({}, works))
    assert (reply.status, results(reply)) == ("done", ["changed", "changed"])
    assert (ssh.files / "d").is_dir()
    assert len(ssh.commands()) >= 3, "a visit before, the task, a visit after"
    facts = ssh.facts("a")
    assert facts != digest({"exists": False})
