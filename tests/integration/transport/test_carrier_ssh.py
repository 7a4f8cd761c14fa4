"""What only a real connection shows: commands counted on the server, host keys, sudo, and what is left after a kill."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.ansible.choice import Way
from reconciler.model.delivery import Call, Delivery, Payload, Work
from reconciler.model.key import Key

from .conftest import Machine, Sshd, carried, free_port, make_key, put, serve, with_settings

ROOT = os.geteuid() == 0


def _look(machine: Machine) -> Payload:
    return Payload({Key("file", "a"): machine.query("a")})


def test_one_command_a_visit_and_code_travels_once(ssh: Machine, tmp_path: Path) -> None:
    fresh = with_settings(ssh, cache_dir=str(tmp_path / "cache"))
    code = ssh.state / "code" if ROOT else ssh.state.parents[2] / ".cache/reconciler/code"
    shutil.rmtree(code, ignore_errors=True)
    change = Payload({}, (put(ssh, "a", b"x"), put(ssh, "b", b"x")))
    assert fresh.carry(change).status == "done"
    assert len(ssh.commands()) == 1
    kept = {path.name: path.stat().st_ino for path in code.iterdir()}
    assert len(kept) == 1
    assert list(code.rglob("*.pyc"))
    assert fresh.carry(change).status == "done"
    assert len(ssh.commands()) == 2
    assert {path.name: path.stat().st_ino for path in code.iterdir()} == kept
    # The host has lost it, which we can't know: asked again, once.
    shutil.rmtree(code)
    assert fresh.carry(change).status == "done"
    assert len(ssh.commands()) == 4
    assert fresh.carry(change).status == "done"
    assert len(ssh.commands()) == 5
    assert not [command for command in ssh.commands() if str(ssh.files) in command]


@pytest.mark.parametrize("way", ["standard"])
@pytest.mark.parametrize(("seconds", "logins"), [(0, 2), (30, 1)])
def test_connections_are_kept_only_when_asked_for(sshd: Sshd, ssh: Machine, seconds: int, logins: int) -> None:
    import tempfile

    def seen() -> int:
        return (sshd.base / "sshd.log").read_text().count("Accepted publickey")

    with tempfile.TemporaryDirectory(prefix="rt-") as cache:  # the names of sockets have to be short
        machine = with_settings(ssh, cache_dir=cache, keep_connections=seconds)
        before = seen()
        assert [machine.carry(_look(ssh)).status for _ in range(2)] == ["done", "done"]
        assert seen() - before == logins
        sockets = [path for path in Path(cache).glob("ssh-*/*") if path.is_socket()]
        assert len(sockets) == bool(seconds)
        for path in sockets:
            subprocess.run(["ssh", "-o", f"ControlPath={path}", "-O", "exit", "x"], check=True, capture_output=True)


def test_hosts_with_one_payload_share_one_bundle(sshd: Sshd, ssh: Machine, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    look = _look(ssh)
    deliveries = [Delivery(sshd.host(f"h{number}"), look) for number in range(4)]
    settings = replace(ssh.settings, cache_dir=str(cache), forks=4)
    assert {reply.status for reply in carried(settings, deliveries)} == {"done"}
    assert len(ssh.commands()) == 4
    bundles = [path for path in (cache / "bundles").iterdir() if not path.suffix]
    made = [path.stat().st_mtime_ns for path in bundles]
    assert len(made) == 1
    assert {reply.status for reply in carried(settings, deliveries)} == {"done"}
    assert [path.stat().st_mtime_ns for path in bundles] == made


@pytest.mark.slow
def test_hosts_that_can_not_be_reached(sshd: Sshd, ssh: Machine, tmp_path: Path) -> None:
    for name in ("other_known", "empty_known"):
        (tmp_path / name).write_text("")
    make_key(tmp_path / "stranger")
    (tmp_path / "other_known").write_text(f"[127.0.0.1]:{sshd.port} {(tmp_path / 'stranger.pub').read_text()}")
    closed = ssh.host._replace(port=free_port())
    cases = [
        (closed, {}, "ssh: connection refused"),
        (ssh.host._replace(address="no-such-host.invalid"), {}, "ssh: the name no-such-host.invalid can't be resolved"),
        (
            ssh.host,
            {"known_hosts_file": str(tmp_path / "empty_known")},
            f"ssh: host key verification failed: the key of 127.0.0.1 is not in {tmp_path}/empty_known",
        ),
        (
            ssh.host,
            {"known_hosts_file": str(tmp_path / "other_known")},
            f"ssh: the host key of 127.0.0.1 is not the one in {tmp_path}/other_known",
        ),
        (
            ssh.host,
            {"private_key_file": str(tmp_path / "stranger")},
            f"ssh: permission denied (publickey) for user {sshd.user}",
        ),
        (ssh.host, {"python": "/no/python3"}, "no python3 at /no/python3; install python3, or set ssh.python"),
    ]
    change = Payload({}, (put(ssh, "a", b"x"),))
    for host, settings, reason in cases:
        reply = replace(with_settings(ssh, **settings), host=host).carry(change)
        assert (reply.status, reply.reason) == ("unreachable", reason)
    assert not (ssh.files / "a").exists()


def test_a_connection_that_breaks_leaves_it_unknown(ssh: Machine) -> None:
    # The command ends the sshd session that it came over: the parents of the driver.
    script = (
        "p=$PPID; while read -r _ _ _ q _ < /proc/$p/stat; do "
        'read -r c < /proc/$p/comm; [ "$c" = sshd ] && break; p=$q; done; kill -9 $p; sleep 1'
    )
    kill = Call("ansible.builtin.command", {"argv": ["sh", "-c", f"sleep 1; {script}"]})
    dies = Work(Key("command", "x"), {}, "", (kill,))
    reply = ssh.carry(Payload({}, (put(ssh, "a", b"x"), dies, put(ssh, "b", b"x"))))
    assert reply.status == "lost"
    assert reply.reason
    assert "TOLD" not in reply.reason
    # What was done before is known.
    assert [(outcome.key.name, outcome.result) for outcome in reply.outcomes] == [("a", "changed")]


def test_ansible_that_breaks_leaves_nothing_begun(ssh: Machine, tmp_path: Path) -> None:
    program = tmp_path / "ansible-playbook"
    program.write_text("#!/bin/sh\necho 'ERROR! out of order' >&2\nexit 4\n")
    program.chmod(0o755)
    reply = with_settings(ssh, ansible_playbook=str(program)).carry(_look(ssh))
    assert (reply.status, reply.reason) == ("unreachable", "ERROR! out of order")
    assert ssh.commands() == []


def test_a_consumer_that_stops_listening_ends_the_run(ssh: Machine, memory: Path) -> None:
    from reconciler.adapters.ansible.carrier import AnsibleCarrier

    release = ssh.files / "release"
    wait = ["sh", "-c", f"until [ -e {ssh.path('release')} ]; do sleep 0.1; done"]
    slow = Call("ansible.builtin.command", {"argv": wait})
    slowly = Payload({}, (Work(Key("command", "x"), {}, "", (slow,)),))
    # The second looks at the lock that the first holds, and answers at once.
    deliveries = [Delivery(ssh.host, slowly, 1, "s"), Delivery(ssh.host._replace(port=free_port()), _look(ssh))]
    replies = AnsibleCarrier(ssh.settings).carry(deliveries, lambda: False)
    assert next(iter(replies)).status == "unreachable"
    del replies
    assert list(memory.iterdir()) == [], "though the first still waits"
    release.touch()
    _until(lambda: ssh.carry(_look(ssh)).status == "done")


CONTROLLER = """
import sys
from pathlib import Path
from reconciler.adapters.ansible import directory
from reconciler.adapters.ansible.carrier import AnsibleCarrier
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Call, Delivery, Payload, Work
from reconciler.model.desired import Host
from reconciler.model.key import Key, Place
directory.SHARED_MEMORY = Path(sys.argv[1])
settings = SshSettings(**eval(sys.argv[2]))
host = Host("h", Place("h.yaml"), address="127.0.0.1", port=int(sys.argv[3]))
work = Work(Key("command", "x"), {}, "", (Call("ansible.builtin.command", {"argv": ["sleep", "4"]}),))
list(AnsibleCarrier(settings).carry([Delivery(host, Payload({}, (work,)), 1, "s")], lambda: False))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_controller_that_is_killed_leaves_nothing_behind(ssh: Machine, memory: Path, number: signal.Signals) -> None:
    names = [name for name in ssh.settings.__slots__ if name != "digest_key"]
    settings = {name: getattr(ssh.settings, name) for name in names}
    top = Path(__file__).parents[3]
    words = [sys.executable, "-c", CONTROLLER, str(memory), repr(settings), str(ssh.host.port)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(top)}) as controller:
        _until(lambda: ssh.commands() != [])
        _until(lambda: _processes_of(memory))
        controller.send_signal(number)
    _until(lambda: not _processes_of(memory))
    _until(lambda: list(memory.iterdir()) == [])
    _until(lambda: ssh.carry(_look(ssh)).status == "done")  # what the host had begun goes to its end


def _processes_of(memory: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes()
            if str(memory).encode() in words and CONTROLLER[:20].encode() not in words:
                found.append(words.decode(errors="replace"))
    return found


def _until(holds: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_an_interrupt_reaches_only_us(ssh: Machine, memory: Path) -> None:
    """Ctrl-C goes to the foreground process group; Ansible has a session of its own and goes on."""
    wait = ["sh", "-c", f"until [ -e {ssh.path('release')} ]; do sleep 0.1; done"]
    slow = Call("ansible.builtin.command", {"argv": wait})
    interrupted: list[int] = []

    def interrupt(*_: object) -> None:
        interrupted.append(1)

    def release() -> None:
        _until(lambda: list(memory.glob("*/stop")) != [])
        (ssh.files / "release").touch()

    old = signal.signal(signal.SIGINT, interrupt)
    try:

        def stopping() -> bool:
            if ssh.commands() and not interrupted:
                os.kill(os.getpid(), signal.SIGINT)
            return bool(interrupted)

        work = Work(Key("command", "x"), {}, "", (slow,))
        settings = replace(ssh.settings, forks=1, width=1)
        slowly = Payload({}, (work,))
        hosts = [ssh.host._replace(name=str(number)) for number in range(3)]
        releasing = threading.Thread(target=release)
        releasing.start()
        replies = carried(settings, [Delivery(host, slowly, 1, "s") for host in hosts], stopping)
        releasing.join()
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGINT, old)
    assert sorted(reply.status for reply in replies) == ["done", "skipped", "skipped"]


@pytest.mark.machines
@pytest.mark.skipif(not ROOT, reason="mounts a file system")
def test_a_full_disk_is_named(tmp_path: Path, cache: Path, way: Way) -> None:
    (tmp_path / "full").mkdir()
    fill = f"mount -t tmpfs -o size=64k none {tmp_path}/full && mkdir -m 700 {tmp_path}/full/s && "
    fill += (
        f"mount --bind {tmp_path}/full/s /var/lib/reconciler && dd if=/dev/zero of={tmp_path}/full/x 2>/dev/null; true"
    )
    (tmp_path / "sshd").mkdir()
    with serve(tmp_path / "sshd", getpass.getuser(), fill) as server:
        data = str(tmp_path / "full")
        settings = replace(server.settings(cache, way), cache_dir=str(tmp_path / "cache"))
        machine = Machine(server.host(), settings, Path(data), server.state, data, server.base / "log")
        looked = machine.carry(_look(machine))
        changed = machine.carry(Payload({}, (put(machine, "a", b"x" * 5000),)))
    assert looked.status == "done"
    assert looked.facts[Key("file", "a")]["exists"] is False
    assert changed.status == "refused"
    assert "No space left on device" in changed.reason
    assert "/var/lib/reconciler" in changed.reason


USER = f"rec-{os.getpid()}"
PASSWORD = "battery horse"


@pytest.fixture
def person(tmp_path: Path) -> Iterator[str]:
    """A user of this machine with a password, who may use sudo only as /etc/sudoers.d says."""
    subprocess.run(["useradd", "--create-home", "--home-dir", f"/home/{USER}", "--shell", "/bin/sh", USER], check=True)
    rules = Path(f"/etc/sudoers.d/{USER}")
    try:
        subprocess.run(["chpasswd"], input=f"{USER}:{PASSWORD}\n", text=True, check=True)
        yield USER
    finally:
        rules.unlink(missing_ok=True)
        subprocess.run(["userdel", "--remove", USER], check=True, stderr=subprocess.DEVNULL)


def _sudoers(rule: str) -> None:
    path = Path(f"/etc/sudoers.d/{USER}")
    path.write_text(f"Defaults:{USER} !lecture\n{USER} {rule}\n")
    path.chmod(0o440)


@pytest.mark.slow
@pytest.mark.machines
@pytest.mark.skipif(not ROOT, reason="makes a user")
def test_sudo(person: str, cache: Path, way: Way) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="rt-sudo-") as base:  # not under tmp_path, which the user may not enter
        Path(base).chmod(0o755)
        with serve(Path(base), person) as server:
            (Path(base) / "log").touch()
            (Path(base) / "log").chmod(0o666)
            right, wrong = Path(base) / "right", Path(base) / "wrong"
            for path, password in ((right, PASSWORD), (wrong, "nonsense")):
                path.write_text(password + "\n")
                path.chmod(0o600)
            settings = replace(server.settings(cache, way), connect_timeout=10)
            host = server.host(become=True)
            machine = Machine(host, settings, Path(f"/home/{USER}"), server.state, f"/home/{USER}", Path(base) / "log")
            owned = replace(put(machine, "a", b"x"), calls=_owned_by_root(machine))
            change = Payload({Key("file", "a"): machine.query("a")}, (owned,))

            _sudoers("ALL=(root) NOPASSWD: ALL")
            assert machine.carry(change).status == "done"
            assert (machine.files / "a").stat().st_uid == 0
            assert len(machine.commands()) == 1
            as_user = replace(machine, host=server.host()).carry(_look(machine))
            assert as_user.status == "done"
            assert Path(f"/home/{USER}/.cache/reconciler/code").stat().st_uid == pwd.getpwnam(USER).pw_uid

            _sudoers("ALL=(root) ALL")
            reply = machine.carry(change)
            assert (reply.status, reply.reason) == (
                "unreachable",
                "sudo: a password is needed; set become_password_file",
            )
            reply = with_settings(machine, become_password_file=str(wrong)).carry(change)
            assert (reply.status, reply.reason) == ("unreachable", "sudo: wrong password")
            assert with_settings(machine, become_password_file=str(right)).carry(change).status == "done"

            _sudoers("ALL=(nobody) NOPASSWD: ALL")
            reply = machine.carry(change)
            assert reply.status == "unreachable"
            assert reply.reason.startswith("sudo: ")
            assert not [line for line in machine.commands() if PASSWORD in line]


def _owned_by_root(machine: Machine) -> tuple[Call, ...]:
    args = {"path": machine.path("a"), "state": "touch", "owner": "root"}
    return (Call("ansible.builtin.file", args, paths=("path",)),)
