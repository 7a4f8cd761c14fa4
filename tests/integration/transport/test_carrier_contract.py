"""What every carrier does, on a directory of this machine and over a real sshd. The loop relies on nothing else."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.delivery import Call, Delivery, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place

from .conftest import Machine, carried, put, with_settings

SECRET = "correct-horse-battery-staple"


def _results(reply: object) -> list[str]:
    return [outcome.result for outcome in reply.outcomes]


def _shell(machine: Machine, name: str, *argv: str, sensitive: bool = False, **call: object) -> Work:
    calls = (Call("ansible.builtin.command", {"argv": list(argv)}, **call),)
    return Work(Key("command", name), {}, "", calls, sensitive=sensitive)


def test_a_payload_is_applied_and_answered(machine: Machine) -> None:
    (machine.files / "gone").write_text("x")
    templates = b"{{ lookup('pipe', 'id') }} \xc3\xa9 \x00\n"
    remove = Call("ansible.builtin.file", {"path": machine.path("gone"), "state": "absent"}, paths=("path",))
    works = (put(machine, "made", templates), Work(Key("file", "gone"), machine.query("gone"), "", (remove,)))
    queries = {Key("file", name): machine.query(name) for name in ("made", "gone")}
    reply = machine.carry(Payload(queries, works))
    assert (reply.host, reply.status, reply.reason) == (machine.host.name, "done", "")
    assert _results(reply) == ["changed", "changed"]
    assert (machine.files / "made").read_bytes() == templates
    assert (machine.files / "made").stat().st_mode & 0o777 == 0o640
    assert not (machine.files / "gone").exists()
    assert set(reply.facts) == set(queries)
    assert [facts["exists"] for facts in reply.facts.values()] == [True, False]
    again = machine.carry(Payload(queries, works))
    assert (again.status, _results(again)) == ("done", ["ok", "ok"])
    assert again.identity == reply.identity != ""
    assert not (machine.state / "tmp").exists()


def test_a_host_that_is_not_as_planned_is_left_alone(machine: Machine) -> None:
    (machine.files / "a").write_text("as planned")
    (machine.files / "b").write_text("as planned")
    before = {name: machine.facts(name) for name in ("a", "b")}
    (machine.files / "b").write_text("moved")
    works = [put(machine, name, b"new", expect=before[name]) for name in ("a", "b")]
    reply = machine.carry(Payload({Key("file", "b"): machine.query("b")}, tuple(works)))
    assert (reply.status, reply.reason) == ("stale", "not as planned any more: file/b")
    assert _results(reply) == ["skipped", "stale"]
    assert (machine.files / "a").read_text() == "as planned"
    assert not (machine.state / "epochs.json").exists()
    (machine.files / "b").write_text("as planned")
    assert machine.carry(Payload({}, tuple(works))).status == "done"


def test_a_run_that_was_overtaken_is_refused(machine: Machine) -> None:
    assert machine.carry(Payload({}, (put(machine, "a", b"7"),)), epoch=7).status == "done"
    reply = machine.carry(Payload({}, (put(machine, "a", b"6"),)), epoch=6)
    assert (reply.status, reply.outcomes) == ("refused", ())
    assert "epoch 6 is older than 7" in reply.reason
    assert (machine.files / "a").read_bytes() == b"7"
    other = replace(machine, store="another store")
    assert other.carry(Payload({}, (put(machine, "a", b"other"),)), epoch=1).status == "done"
    assert machine.carry(Payload({Key("file", "a"): machine.query("a")}), epoch=0).status == "done"


def test_a_host_that_another_run_holds_is_refused(machine: Machine) -> None:
    look = Payload({Key("file", "a"): machine.query("a")})
    assert machine.carry(look).status == "done"
    with (machine.state / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert machine.carry(look).status == "done"
        refused = machine.carry(Payload({}, (put(machine, "a", b"x"),)))
        fcntl.flock(held, fcntl.LOCK_EX)
        assert machine.carry(look).status == "refused"
    assert (refused.status, refused.reason) == ("refused", "another reconciler run holds this host")
    assert not (machine.files / "a").exists()


def test_another_machine_is_refused(machine: Machine) -> None:
    reply = machine.carry(Payload({}, (put(machine, "a", b"x"),)), identity="machine:another")
    assert reply.status == "refused"
    assert "another machine answers here" in reply.reason
    assert not (machine.files / "a").exists()


def test_the_first_failure_ends_the_program(machine: Machine) -> None:
    (machine.files / "dir/below").mkdir(parents=True)
    works = (put(machine, "a", b"x"), put(machine, "dir/below/none/b", b"x"), put(machine, "c", b"x"))
    reply = machine.carry(Payload({Key("file", "c"): machine.query("c")}, works))
    assert (reply.status, _results(reply)) == ("failed", ["changed", "failed", "skipped"])
    assert "none" in reply.outcomes[1].message
    assert reply.reason.startswith("file/dir/below/none/b: ")
    assert reply.facts[Key("file", "c")]["exists"] is False


def test_nothing_is_shown_of_sensitive_works(machine: Machine) -> None:
    says = _shell(machine, "says", "echo", SECRET, sensitive=True)
    fails = _shell(machine, "fails", "sh", "-c", f"echo {SECRET}; echo {SECRET} >&2; exit 3", sensitive=True)
    reply = machine.carry(Payload({}, (says, fails)))
    assert _results(reply) == ["changed", "failed"]
    assert SECRET not in repr(reply)
    assert "(output hidden: sensitive)" in reply.outcomes[1].message


def test_calls_that_need_a_missing_program_are_passed_over(machine: Machine) -> None:
    target = machine.path("touched")
    touch = Call("ansible.builtin.command", {"argv": ["touch", target]}, paths=("argv.1",), needs="touch")
    missing = Call("ansible.builtin.command", {"argv": ["false"]}, needs="no-such-program")
    either = Work(Key("command", "either"), {}, "", (missing, touch))
    neither = Work(Key("command", "neither"), {}, "", (missing, replace(missing, needs="nor-this")))
    reply = machine.carry(Payload({}, (either, neither)))
    assert _results(reply) == ["changed", "failed"]
    assert reply.outcomes[1].message == "none of no-such-program, nor-this is on this host"
    assert (machine.files / "touched").exists()


def test_a_module_that_takes_too_long_is_ended(machine: Machine) -> None:
    hurried = with_settings(machine, host_timeout=1)
    works = (_shell(machine, "slow", "sleep", "60"), put(machine, "a", b"x"))
    reply = hurried.carry(Payload({Key("file", "a"): machine.query("a")}, works))
    assert _results(reply) == ["failed", "skipped"]
    assert "so it was ended" in reply.outcomes[0].message
    assert reply.facts[Key("file", "a")]["exists"] is False


def test_a_module_that_is_not_there_fails_its_works_alone(machine: Machine) -> None:
    missing = Payload({}, (Work(Key("x", "y"), {}, "", (Call("no.such.module", {}),)),))
    good = Payload({}, (put(machine, "a", b"x"),))
    odd = Payload({}, (Work(Key("x", "y"), {}, "", (Call("rm -rf", {}),)),))
    deliveries = [Delivery(machine.host._replace(name=str(n)), p, 1, "s") for n, p in enumerate((missing, good, odd))]
    replies = {reply.host: reply for reply in carried(with_settings(machine, lock_wait=5).settings, deliveries)}
    assert {name: reply.status for name, reply in replies.items()} == {"0": "failed", "1": "done", "2": "failed"}
    assert "ansible-galaxy collection install no.such" in replies["0"].reason
    assert "full name" in replies["2"].outcomes[0].message


def test_hosts_not_begun_are_skipped_and_begun_ones_finish(machine: Machine, memory: Path) -> None:
    slow = Payload({}, (_shell(machine, "slow", "sleep", "1.5"),))
    deliveries = [Delivery(machine.host._replace(name=str(number)), slow, 1, "s") for number in range(6)]
    begun = with_settings(machine, forks=1, width=1, lock_wait=20).settings
    replies = carried(begun, deliveries, lambda: bool(list(memory.glob("*/sent/h000001"))))
    assert sorted(reply.host for reply in replies) == [str(number) for number in range(6)]
    statuses = {reply.host: reply.status for reply in replies}
    assert statuses["0"] == "done"
    assert statuses["5"] == "skipped"
    assert set(statuses.values()) == {"done", "skipped"}


def test_nothing_is_begun_after_a_stop(machine: Machine) -> None:
    replies = carried(machine.settings, [Delivery(machine.host, Payload())], lambda: True)
    assert [(reply.status, reply.reason) for reply in replies] == [("skipped", "not begun: the run was stopped")]


def test_nothing_of_a_run_remains(machine: Machine, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", "/nowhere")
    seen = _Watch()
    works = (put(machine, "secret", SECRET.encode(), sensitive=True),)
    deliveries = [Delivery(machine.host, Payload({}, works), 1, machine.store)]
    assert [reply.status for reply in carried(machine.settings, deliveries, seen)] == ["done"]
    assert seen.arguments
    assert not [words for words in seen.arguments if SECRET in words]
    assert list(memory.iterdir()) == []
    for top in (Path(machine.settings.cache_dir), machine.state):
        assert not [path for path in _files(top) if SECRET.encode() in path.read_bytes()]


class _Watch:
    """Looks at the arguments of all processes whenever it is asked whether to stop; never stops."""

    def __init__(self) -> None:
        self.arguments: set[str] = set()

    def __call__(self) -> bool:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.arguments.add(path.read_bytes().decode(errors="replace"))
            except OSError:
                continue
        return False


def _files(top: Path) -> Iterator[Path]:
    return (path for path in top.rglob("*") if path.is_file())


def test_one_reply_for_each_delivery_whatever_it_is(machine: Machine) -> None:
    look = Payload({Key("file", "a"): machine.query("a")})
    hosts = [
        machine.host,
        Host("odd", Place("h.yaml"), address="{{ lookup('pipe', 'id') }}"),
        Host("dash", Place("h.yaml"), address="-oProxyCommand=id"),
        Host("no-root", Place("h.yaml"), connection="local", root="/no/such/root"),
        machine.host._replace(name="again"),
    ]
    replies = {reply.host: reply for reply in carried(machine.settings, [Delivery(host, look) for host in hosts])}
    assert {name: reply.status for name, reply in replies.items()} == {
        machine.host.name: "done",
        "odd": "unreachable",
        "dash": "unreachable",
        "no-root": "refused",
        "again": "done",
    }


_MODULE = """
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acme.things.plugins.module_utils.words import WORD

module = AnsibleModule(argument_spec={"answer": {"type": "str"}})
print("noise")
module.exit_json(changed=module.params["answer"] == "yes", msg=WORD)
"""


def test_modules_of_collections_are_bundled_anew_when_they_change(
    local: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = tmp_path / "home/.ansible/collections/ansible_collections/acme/things/plugins"
    for name, text in (("modules/thing.py", _MODULE), ("module_utils/words.py", "WORD = 'first'\n")):
        (plugins / name).parent.mkdir(parents=True)
        (plugins / name).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    thing = Work(Key("thing", "x"), {}, "", (Call("acme.things.thing", {"answer": "yes"}),))
    machine = with_settings(local, cache_dir=str(tmp_path / "cache"))
    first = machine.carry(Payload({}, (thing,)))
    (plugins / "module_utils/words.py").write_text("WORD = 'second'\n")
    second = machine.carry(Payload({}, (thing,)))
    assert [(r.status, r.outcomes[0].result, r.outcomes[0].message) for r in (first, second)] == [
        ("done", "changed", "first"),
        ("done", "changed", "second"),
    ]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import os; os.write(1, b'rubbish'); os._exit(0)", "the module gave no JSON: rubbish"),
        ("print('rubbish')", "did not handle its own exit"),
        ("import os; os.kill(os.getpid(), 9)", "the module was ended by signal 9"),
        ("1 / 0", "division by zero"),
        ("import sys; sys.exit(0)", "the module gave no JSON"),
    ],
)
def test_modules_that_break_are_failures_with_a_reason(
    local: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, says: str
) -> None:
    modules = tmp_path / "home/.ansible/collections/ansible_collections/acme/things/plugins/modules"
    modules.mkdir(parents=True)
    (modules / "thing.py").write_text(f"from ansible.module_utils.basic import AnsibleModule\n{body}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    thing = Work(Key("thing", "x"), {}, "", (Call("acme.things.thing", {}),))
    machine = with_settings(local, cache_dir=str(tmp_path / "cache"))
    reply = machine.carry(Payload({}, (thing, put(machine, "a", b"x"))))
    assert _results(reply) == ["failed", "skipped"]
    assert says in reply.outcomes[0].message
