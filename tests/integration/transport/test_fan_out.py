"""What only the fan-out carrier has to get right: hosts that hold others up, keys, agents, and when it can't work."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.delivery import Call, Delivery, Outcome, Payload, Work
from reconciler.model.key import Key

from .conftest import Machine, Sshd, carried, put, with_settings


@pytest.fixture
def way() -> str:
    return "fan-out"


def _look(machine: Machine) -> Payload:
    return Payload({Key("file", "a"): machine.query("a")})


@contextlib.contextmanager
def _speaking(text: bytes) -> Iterator[int]:
    """A port where somebody says something and then nothing more, to everybody, without hanging up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    connection.sendall(text)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()


def test_hosts_that_do_not_answer_hold_nobody_up(ssh: Machine, sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    hurried = with_settings(ssh, connect_timeout=10, known_hosts_file=str(known))
    public = (sshd.base / "host_key.pub").read_text()
    with _speaking(b"") as silent, _speaking(b"SSH-2.0-stuck\r\n") as stuck, _speaking(b"HTTP/1.1 400\r\n\r\n") as odd:
        known.write_text("".join(f"[127.0.0.1]:{port} {public}" for port in (sshd.port, silent, stuck)))
        ports = [silent] * 20 + [stuck] * 3 + [odd, sshd.port]
        hosts = [ssh.host._replace(name=f"h{number}", port=port) for number, port in enumerate(ports)]
        replies = carried(hurried.settings, [Delivery(host, _look(ssh)) for host in hosts])
    by_port = {port: {(r.status, r.reason) for r in replies if ports[int(r.host[1:])] == port} for port in ports}
    assert by_port[silent] == by_port[stuck] == {("unreachable", "ssh: timed out")}
    assert by_port[odd] == {
        ("unreachable", f"ssh: host key verification failed: the key of 127.0.0.1 is not in {known}")
    }
    assert by_port[sshd.port] == {("done", "")}
    assert sorted(reply.host for reply in replies) == sorted(host.name for host in hosts)
    # The last one of the list is through before the first that does not answer is given up.
    assert [reply.host for reply in replies].index("h24") < 2


def test_a_host_that_works_for_long_does_not_hold_back_replies(ssh: Machine) -> None:
    release = ssh.files / "release"
    wait = ["sh", "-c", f"until [ -e {ssh.path('release')} ]; do sleep 0.05; done"]
    slow = Work(Key("command", "x"), {}, "", (Call("ansible.builtin.command", {"argv": wait}),))
    deliveries = [Delivery(ssh.host._replace(name="slow"), Payload({}, (slow,)), 1, "s")]
    # It looks at a lock that the other holds, so it is refused; that is an answer too.
    deliveries.append(Delivery(ssh.host._replace(name="quick"), _look(ssh)))
    order = []
    from reconciler.adapters.ansible.carrier import AnsibleCarrier

    for reply in AnsibleCarrier(ssh.settings).carry(deliveries, lambda: False):
        order.append(reply.host)
        release.touch()
    assert order == ["quick", "slow"]


def test_what_is_done_is_heard_while_the_host_works_on(ssh: Machine) -> None:
    """The second work ends only after the first has been heard of, and so on: no reply can have come by then."""
    works, heard = [], []
    for number in range(3):
        wait = ["sh", "-c", f"until [ -e {ssh.path(f'release-{number}')} ]; do sleep 0.05; done"]
        works += [put(ssh, f"made-{number}", b"x")]
        works += [Work(Key("command", f"{number}"), {}, "", (Call("ansible.builtin.command", {"argv": wait}),))]

    def hearing(host: str, outcomes: Sequence[Outcome]) -> None:
        heard.extend((host, outcome) for outcome in outcomes)
        if outcomes[-1].key.kind == "file":
            (ssh.files / f"release-{outcomes[-1].key.name[-1]}").touch()

    payload = Payload({}, tuple(works))
    [reply] = carried(ssh.settings, [Delivery(ssh.host, payload, 1, ssh.store)], hearing=hearing)
    assert reply.status == "done"
    assert heard[:5] == [(ssh.host.name, outcome) for outcome in reply.outcomes[:5]]
    assert len(ssh.commands()) == 1


def test_what_takes_no_time_is_not_told_before_the_reply(ssh: Machine) -> None:
    heard: list[object] = []
    works = (Work(Key("nothing", "a"), {}, "", ()), Work(Key("nothing", "b"), {}, "", ()))
    delivery = Delivery(ssh.host, Payload({}, works), 1, ssh.store)
    [reply] = carried(ssh.settings, [delivery], hearing=lambda *news: heard.append(news))
    assert [outcome.result for outcome in reply.outcomes] == ["ok", "ok"]
    assert heard == []


def test_the_second_visit_sends_arguments_only(ssh: Machine, sshd: Sshd, tmp_path: Path) -> None:
    sent = []
    cache = tmp_path / "cache"
    with _counted(sshd.port, sent) as port:
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(sshd.base / 'host_key.pub').read_text()}")
        known = str(tmp_path / "known")
        machine = replace(
            with_settings(ssh, known_hosts_file=known, cache_dir=str(cache)), host=ssh.host._replace(port=port)
        )
        shutil.rmtree(ssh.state / "code", ignore_errors=True)
        for content in (b"first", b"second"):
            assert machine.carry(Payload({}, (put(ssh, "a", content),))).status == "done"
            sent.append(0)
    code = max(path.stat().st_size for path in (cache / "bundles").iterdir())
    first, second = sent[0], sent[1]
    assert first > code
    assert second < code / 4
    assert len(ssh.commands()) == 2


@contextlib.contextmanager
def _counted(port: int, sent: list[int]) -> Iterator[int]:
    """A port that leads to another; the bytes that go there are added to the last of `sent`."""
    sent.append(0)

    def pour(source: socket.socket, sink: socket.socket, count: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sent[-1] += len(data) * count
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", port))
                ends.extend((near, far))
                for source, sink, count in ((near, far, True), (far, near, False)):
                    threading.Thread(target=pour, args=(source, sink, count), daemon=True).start()

    ends: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()


@pytest.fixture
def agent(sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An agent that has the key."""
    place = f"/tmp/rt-agent-{os.getpid()}"
    with subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL) as process:
        try:
            monkeypatch.setenv("SSH_AUTH_SOCK", place)
            add = ["ssh-add", "-q", str(sshd.base / "key")]
            for _ in range(100):
                if subprocess.run(add, capture_output=True, check=False).returncode == 0:
                    break
            yield
        finally:
            process.terminate()
            process.wait()
            Path(place).unlink(missing_ok=True)


@pytest.mark.usefixtures("agent")
def test_the_agents_keys_are_used_where_no_file_is_named(ssh: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_settings(ssh, private_key_file="").carry(_look(ssh)).status == "done"
    monkeypatch.delenv("SSH_AUTH_SOCK")
    monkeypatch.setenv("HOME", str(ssh.files))
    reply = with_settings(ssh, private_key_file="").carry(_look(ssh))
    assert (reply.status, reply.reason) == (
        "unreachable",
        f"ssh: permission denied (publickey) for user {ssh.settings.user}",
    )


@pytest.mark.usefixtures("agent")
def test_a_key_that_only_the_agent_can_use_goes_the_standard_way(ssh: Machine, sshd: Sshd, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    shutil.copy(sshd.base / "key", locked)
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "a secret", "-f", str(locked)], check=True)
    shutil.copy(sshd.base / "key.pub", tmp_path / "locked.pub")
    reply = with_settings(ssh, private_key_file=str(locked)).carry(_look(ssh))
    assert reply.status == "unreachable"
    assert reply.reason.startswith("the fan-out carrier can't be used: ")
    assert ssh.commands() == []
    assert with_settings(ssh, private_key_file=str(locked), carrier="auto").carry(_look(ssh)).status == "done"
    assert len(ssh.commands()) == 1


def test_hosts_that_get_the_code_at_once_share_it(ssh: Machine, sshd: Sshd, tmp_path: Path) -> None:
    fresh = with_settings(ssh, cache_dir=str(tmp_path / "cache"))
    hosts = [ssh.host._replace(name=f"h{number}") for number in range(6)]
    replies = carried(fresh.settings, [Delivery(host, _look(ssh)) for host in hosts])
    assert [reply.status for reply in replies] == ["done"] * 6
    assert len(ssh.commands()) == 6


@pytest.mark.usefixtures("one_core")
def test_a_host_that_works_for_long_does_not_hold_up_the_next_shards(ssh: Machine) -> None:
    """On one core, each host a shard of its own: the second begins although the first waits for it."""
    wait = ["sh", "-c", f"until [ -e {ssh.path('release')} ]; do sleep 0.05; done"]
    slow = Work(Key("command", "x"), {}, "", (Call("ansible.builtin.command", {"argv": wait}),))
    deliveries = [Delivery(ssh.host._replace(name="slow"), Payload({}, (slow,)), 1, "s")]
    deliveries.append(Delivery(ssh.host._replace(name="quick"), _look(ssh)))
    order = []
    from reconciler.adapters.ansible.carrier import AnsibleCarrier

    for reply in AnsibleCarrier(ssh.settings).carry(deliveries, lambda: False):
        order.append(reply.host)
        (ssh.files / "release").touch()
    assert order == ["quick", "slow"]


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.adapters.ansible import carrier

    monkeypatch.setattr(carrier, "SHARD", 1)
    monkeypatch.setattr(carrier.os, "cpu_count", lambda: 1)


def test_shards_run_side_by_side_and_every_host_answers_once(ssh: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.adapters.ansible import carrier

    monkeypatch.setattr(carrier, "SHARD", 2)
    local = ssh.host._replace(name="local", connection="local", root=str(ssh.files))
    hosts = [*(ssh.host._replace(name=f"h{number}") for number in range(5)), local]
    replies = carried(ssh.settings, [Delivery(host, _look(ssh)) for host in hosts])
    assert sorted((reply.host, reply.status) for reply in replies) == [
        *((f"h{number}", "done") for number in range(5)),
        ("local", "done"),
    ]
    assert len(ssh.commands()) == 5
