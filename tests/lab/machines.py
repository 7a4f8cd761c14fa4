"""A lab: some machines, an apt repository, and what it takes to log in to them. Nothing of it outlives the `with`.

Knows where a lab puts things on this computer, and that several labs run at once. Must not know the product.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import guard
from tests.lab.aptrepo import AptRepo, demo
from tests.lab.base import LabError, base_tree
from tests.lab.machine import Machine, Site, new_key
from tests.lab.needs import cgroup_root, missing

PORT = 22022
SLOTS = 200
"""At most so many labs at once, each with loopback addresses of its own: 127.9.<slot>.<machine>."""

PREFIX = "reconciler-lab"
INSTANCES = 1024
"""inotify instances that root may have while labs run; a machine takes about five."""


class Lab:
    """`with Lab(4) as lab:` gives four booted machines, lab-1 to lab-4.

    `key`, `known_hosts` and `ssh_config` are files for whoever logs in: root, `ops` (sudo without a password) and
    `opspw` (sudo with the password `OPSPW_PASSWORD`). `apt` is the machines' only apt source, with reconciler-demo 1.0.
    """

    def __init__(self, count: int = 4) -> None:
        reasons = missing()
        if reasons:
            raise LabError(
                f"no machines can be started here: {'; '.join(reasons)}; run tests/lab/install-needs.sh as root"
            )
        self._count = count
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        base = base_tree()
        slot, claim = _claim()
        left = _leavings(slot)
        guard.sweep(left)  # what a lab left whose guard was killed too
        with claim:
            self._guard = _start_guard(left, claim)
        try:
            self._open(base, slot, left)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the machines and removes every trace of the lab. The second time it does nothing."""
        if self._guard is None or self._guard.stdin is None:
            return
        self._guard.stdin.close()
        code = self._guard.wait(60)
        self._guard = None
        for machine in self.machines:
            machine.kill()
        if code:
            raise LabError(f"the lab was not cleaned up, its guard ended with {code}; see above")

    def __getitem__(self, name: str) -> Machine:
        return next(m for m in self.machines if m.name == name)

    @property
    def key(self) -> Path:
        return self.client / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.client / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.client / "ssh_config"

    def _open(self, base: Path, slot: int, left: guard.Leavings) -> None:
        guard.raise_limit(Path(left.limits), INSTANCES)
        folder = Path(left.folder)
        self.client = folder / "client"
        self.client.mkdir(parents=True)
        folder.chmod(0o755)
        self.client.chmod(0o700)
        self.apt = AptRepo(folder / "apt")
        self.apt.publish(demo())
        new_key(self.key, "lab")
        site = Site(base, Path(left.cgroup), folder, self.apt.folder, self.client, folder.name)
        numbers = range(1, self._count + 1)
        self.machines = [Machine(f"lab-{n}", f"127.9.{slot}.{n}", PORT, site) for n in numbers]
        for machine in self.machines:
            machine.launch()
        self._introduce()
        for machine in self.machines:
            machine.wait()

    def _introduce(self) -> None:
        """The files that a client needs to know the machines."""
        self.known_hosts.write_text("".join(f"[{m.address}]:{m.port} {m.host_key}\n" for m in self.machines))
        general = (
            f"Host lab-*\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n"
        )
        strict = "  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
        each = "".join(f"Host {m.name}\n  HostName {m.address}\n  Port {m.port}\n  User root\n" for m in self.machines)
        self.ssh_config.write_text(each + general + strict)


def _claim() -> tuple[int, socket.socket]:
    """The first slot that no other lab of this computer has. The kernel frees it when its last holder is gone."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    for slot in range(SLOTS):
        try:
            claim.bind(f"\0{PREFIX}-{slot}")
        except OSError:
            continue
        return slot, claim
    claim.close()
    raise LabError(f"{SLOTS} labs are running already")


def _leavings(slot: int) -> guard.Leavings:
    root = cgroup_root()
    memory = Path("/dev/shm")
    where = memory if memory.is_mount() else Path(tempfile.gettempdir())
    name = f"{PREFIX}-{slot}"
    return guard.Leavings(f"{root}/{name}", str(where / name), f"/run/{PREFIX}.inotify")


def _start_guard(left: guard.Leavings, claim: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", guard.__file__, left.dump()],
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[claim.fileno()],
    )
