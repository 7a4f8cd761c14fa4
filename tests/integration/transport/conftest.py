"""Machines to carry to: a directory of this machine, and a real sshd on loopback that logs every command."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.adapters.ansible import directory
from reconciler.adapters.ansible.carrier import AnsibleCarrier
from reconciler.adapters.ansible.choice import Way
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.delivery import Call, Delivery, Payload, Reply, Work
from reconciler.model.desired import Host
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.ports import Hearing, unheard

SSHD = Path("/usr/sbin/sshd")


@dataclass
class Machine:
    """`files` is where the test sees what the machine calls `inside`; `state` is its state directory."""

    host: Host
    settings: SshSettings
    files: Path
    state: Path
    inside: str
    log: Path | None = None
    store: str = field(default_factory=lambda: uuid.uuid4().hex)

    def path(self, name: str) -> str:
        """What the machine calls a file that the test sees at `files / name`."""
        return f"{self.inside}/{name}"

    def query(self, name: str) -> dict[str, object]:
        return {"probe": "path", "path": self.path(name), "want": ["content"], "text": True}

    def commands(self) -> list[str]:
        """The commands that the machine's sshd was asked to run."""
        assert self.log is not None
        return self.log.read_text().splitlines() if self.log.exists() else []

    def carry(self, payload: Payload, epoch: int | None = None, identity: str = "") -> Reply:
        """A visit; who only looks has no epoch unless one is given."""
        number = (1 if payload.works else 0) if epoch is None else epoch
        return carried(self.settings, [Delivery(self.host, payload, number, self.store, identity)])[0]

    def facts(self, name: str) -> str:
        """The digest of what the machine says about a file now."""
        key = Key("file", name)
        return digest(self.carry(Payload({key: self.query(name)})).facts[key])


def carried(
    settings: SshSettings,
    deliveries: list[Delivery],
    stopping: Callable[[], bool] = lambda: False,
    hearing: Hearing = unheard,
) -> list[Reply]:
    return list(AnsibleCarrier(settings).carry(deliveries, stopping, hearing))


def put(machine: Machine, name: str, content: bytes, **work: object) -> Work:
    """A work that writes a file."""
    args = {"dest": machine.path(name), "remote_src": True, "mode": "0640"}
    call = Call("ansible.builtin.copy", args, paths=("dest",), files={"src": content})
    return Work(Key("file", name), machine.query(name), **{"expect": "", "calls": (call,), **work})


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A corner of shared memory for the test's own runs; others may have theirs beside it."""
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/dev/shm") as path:
        monkeypatch.setattr(directory, "SHARED_MEMORY", Path(path))
        yield Path(path)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def local(tmp_path: Path, cache: Path) -> Machine:
    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    host = Host("local-1", Place("hosts.yaml"), connection="local", root=str(root))
    settings = SshSettings(cache_dir=str(cache), lock_wait=0)
    return Machine(host, settings, root / "data", root / "var/lib/reconciler", "/data")


@dataclass
class Sshd:
    """An sshd whose sessions see a state directory of their own, and a home of their own."""

    base: Path
    port: int
    user: str
    pid: int = 0

    @property
    def state(self) -> Path:
        return self.base / "state" if os.geteuid() == 0 else self.base / "home/.local/state/reconciler"

    def settings(self, cache: Path, way: Way) -> SshSettings:
        return SshSettings(
            carrier=way,
            user=self.user,
            private_key_file=str(self.base / "key"),
            known_hosts_file=str(self.base / "known_hosts"),
            config_file="/dev/null",
            connect_timeout=30,
            lock_wait=0,
            cache_dir=str(cache),
        )

    def host(self, name: str = "ssh-1", **fields: object) -> Host:
        return Host(name, Place("hosts.yaml"), address="127.0.0.1", port=self.port, **fields)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


@contextlib.contextmanager
def serve(base: Path, user: str, before: str = "") -> Iterator[Sshd]:
    """An sshd for one user. As root it runs where /var/lib/reconciler is a directory of the test; `before` is more
    shell for that place."""
    sshd = Sshd(base, free_port(), user)
    for name in ("state", "home"):
        (base / name).mkdir(mode=0o700)
    for name in ("host_key", "key"):
        make_key(base / name)
    shutil.copy(base / "key.pub", base / "authorized_keys")
    public = (base / "host_key.pub").read_text()
    (base / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {public}")
    wrapper = base / "session"
    wrapper.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" >> {base}/log\n"
        + (f"export HOME={base}/home\n" if user == getpass.getuser() else "")
        + 'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    wrapper.chmod(0o755)
    (base / "sshd_config").write_text(
        f"""
ListenAddress 127.0.0.1:{sshd.port}
HostKey {base}/host_key
AuthorizedKeysFile {base}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
ForceCommand {wrapper}
"""
    )
    command = [str(SSHD), "-D", "-E", str(base / "sshd.log"), "-f", str(base / "sshd_config")]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
        Path("/var/lib/reconciler").mkdir(mode=0o700, exist_ok=True)
        mounts = f'mount --bind {base}/state /var/lib/reconciler && {before or "true"} && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", mounts, "sh", *command]
    with subprocess.Popen(command, start_new_session=True) as process:
        sshd.pid = process.pid
        try:
            _wait(sshd.port, process)
            yield sshd
        finally:
            process.send_signal(signal.SIGTERM)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.recv(4)
            return
        time.sleep(0.02)
    raise AssertionError(f"sshd did not start ({process.poll()})")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serve(tmp_path_factory.mktemp("sshd"), getpass.getuser()) as server:
        yield server


@pytest.fixture(params=["standard", "fan-out"])
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def ssh(sshd: Sshd, tmp_path: Path, cache: Path, way: Way) -> Machine:
    return _reached(sshd, tmp_path, cache, way)


def _reached(sshd: Sshd, tmp_path: Path, cache: Path, way: Way) -> Machine:
    (tmp_path / "data").mkdir()
    (sshd.base / "log").write_text("")
    (sshd.state / "epochs.json").unlink(missing_ok=True)
    inside = str(tmp_path / "data")
    return Machine(sshd.host(), sshd.settings(cache, way), tmp_path / "data", sshd.state, inside, sshd.base / "log")


@pytest.fixture(params=["local", "standard", "fan-out"])
def machine(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Machine:
    if request.param != "local":
        return _reached(request.getfixturevalue("sshd"), tmp_path, cache, request.param)
    found: Machine = request.getfixturevalue("local")
    return found


def with_settings(machine: Machine, **changes: object) -> Machine:
    return replace(machine, settings=replace(machine.settings, **changes))
