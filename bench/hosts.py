"""Hundreds of SSH hosts on one Linux machine: one sshd, where each address of 127/8 is a machine with its own disk.

Needs root. Everything is in namespaces of its own: a network that is only a loopback, so that nothing of it can be
reached from elsewhere and bytes can be counted, and mounts that are gone when the last process is. The server counts
the commands that it is asked to run, for each host.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PORT = 2222
SILENT = {2223: b"", 2224: b"SSH-2.0-stuck\r\n"}
"""Ports at which nobody answers: connections are taken, this is said, and then nothing more."""
SILENT_EACH = 20
SLOWNESS = 5
"""Seconds that a host takes that was slowed down."""
INSIDE = "BENCH_INSIDE"
MS_BIND, MS_NODEV = 4096, 4
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

FILES = 50
"""How many files every host has below /etc/bench."""
SESSION = """#!/bin/sh
set -- $SSH_CONNECTION
echo "$3" >> {base}/commands
[ -e {base}/slow/$3 ] && sleep {slowness}
exec /usr/sbin/chroot {base}/hosts/$3 /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""
SSHD_CONFIG = """
Port {port}
HostKey {base}/host_key
AuthorizedKeysFile {base}/key.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 2000
MaxSessions 100
LogLevel ERROR
Subsystem sftp /usr/lib/openssh/sftp-server
ForceCommand {base}/session
"""


class NotPossible(Exception):
    """What this machine lacks."""


def inside() -> bool:
    """Whether `enter` has been through."""
    return bool(os.environ.get(INSIDE))


def enter(module: str) -> None:
    """Go on in namespaces of our own; the same command once more, as root only."""
    if inside():
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        return
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        raise NotPossible("root on Linux is needed to make hosts")
    for program in ("/usr/sbin/sshd", "/usr/sbin/chroot"):
        if not Path(program).exists():
            raise NotPossible(f"{program} is needed (openssh-server, coreutils)")
    words = ["unshare", "--mount", "--net", "--", sys.executable, "-m", module, *sys.argv[1:]]
    os.execvpe(words[0], words, {**os.environ, INSIDE: "1"})


def _die_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def content(number: int) -> str:
    """What is in one of the files that every host has."""
    return f"# File {number} of the benchmark.\n" + f"setting_{number} = {number * 7919 % 1000}\n" * 20


def address(number: int) -> str:
    """The address of a host, counted from 0."""
    return f"127.9.{number // 200}.{number % 200 + 1}"


@dataclass
class Hosts:
    """`base` has `key`, `known_hosts`, and `hosts/ADDRESS`, what each sees as `/`."""

    base: Path
    count: int
    server: subprocess.Popen[bytes]

    def addresses(self, count: int) -> list[str]:
        return [address(number) for number in range(count)]

    def commands(self) -> Counter[str]:
        """How many commands each host has been asked to run since the last `reset`."""
        lines = (self.base / "commands").read_text(errors="replace").splitlines()
        return Counter(line.split()[0] for line in lines if line.strip())

    def slow_down(self, addresses: Iterable[str]) -> None:
        """These hosts take their time from now on, before they do anything; the others don't."""
        for path in (self.base / "slow").iterdir():
            path.unlink()
        for at in addresses:
            (self.base / "slow" / at).touch()

    def reset(self) -> None:
        (self.base / "commands").write_text("")

    def busy(self) -> bool:
        """Whether a command is still at work, other than the server's own processes."""
        return any(name != "sshd" for name in _tree(self.server.pid).values())

    def seconds(self) -> float:
        """CPU that the server and all its sessions have used, those that go on included."""
        return sum(used(pid) for pid in _tree(self.server.pid)) + _orphans.seconds


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def used(pid: int) -> float:
    """Seconds of CPU of a process and of its children that have ended; none for one that is gone."""
    with contextlib.suppress(OSError, IndexError):
        return sum(map(int, _stat(pid)[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def processes() -> dict[int, tuple[int, str]]:
    """The parent and the name of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            found[int(path.name)] = (int(_stat(int(path.name))[1]), (path / "comm").read_text().strip())
    return found


def _tree(top: int) -> dict[int, str]:
    """The names of a process and of all below it."""
    everything = processes()
    found = {top: everything.get(top, (0, ""))[1]}
    while True:
        below = {pid: name for pid, (parent, name) in everything.items() if parent in found and pid not in found}
        if not below:
            return found
        found |= below


class _Orphans:
    """Reaps what is not ours by birth, and adds up what it used."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def reap(self, own: set[int]) -> None:
        for pid in _zombies(os.getpid()):
            if pid not in own:
                with contextlib.suppress(ChildProcessError):
                    _, _, usage = os.wait4(pid, os.WNOHANG)
                    self.seconds += usage.ru_utime + usage.ru_stime


_orphans = _Orphans()


def reap(own: set[int]) -> None:
    """Take in the orphans that have ended, other than `own` children."""
    _orphans.reap(own)


def _zombies(top: int) -> Iterator[int]:
    for pid, (parent, _) in processes().items():
        with contextlib.suppress(OSError, IndexError):
            if parent == top and _stat(pid)[0] == "Z":
                yield pid


@contextlib.contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    """That many hosts, ready to log in to as root; gone at the end, or when this process is."""
    _loopback_up()
    base = Path("/run/reconciler-bench")
    base.mkdir(mode=0o755, exist_ok=True)
    _mount("tmpfs", base, "tmpfs", 0, "mode=755,size=75%")
    for name in ("upper", "work", "hosts", "slow", "common/etc/bench"):
        (base / name).mkdir(parents=True)
    for number in range(FILES):
        (base / f"common/etc/bench/{number}.conf").write_text(content(number))
    for number in range(count):
        _machine(base, number)
    _login(base, count)
    server = _serve(base)
    try:
        yield Hosts(base, count, server)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _machine(base: Path, number: int) -> None:
    name = address(number)
    upper, work, top = base / "upper" / name, base / "work" / name, base / "hosts" / name
    for path in (upper, work, top):
        path.mkdir()
    (upper / "etc").mkdir(mode=0o755)
    (upper / "etc/machine-id").write_text(f"{number:032x}\n")
    _mount("overlay", top, "overlay", 0, f"lowerdir={base}/common:/,upperdir={upper},workdir={work}")
    for name in ("proc", "dev"):
        _mount(f"/{name}", top / name, "", MS_BIND, "")


def _login(base: Path, count: int) -> None:
    """Keys, and a plain shell for root: its own may have slow start-up files."""
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(base / name)], check=True)
    public = (base / "host_key.pub").read_text()
    at = [(number, PORT) for number in range(count)] + [(n, port) for port in SILENT for n in range(SILENT_EACH)]
    (base / "known_hosts").write_text("".join(f"[{address(number)}]:{port} {public}" for number, port in at))
    users = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith("root:")]
    (base / "passwd").write_text("root:*:0:0:root:/root:/bin/sh\n" + "\n".join(users) + "\n")
    _mount(str(base / "passwd"), Path("/etc/passwd"), "", MS_BIND, "")
    (base / "commands").touch()
    (base / "session").write_text(SESSION.format(base=base, slowness=SLOWNESS))
    (base / "session").chmod(0o755)


def _serve(base: Path) -> subprocess.Popen[bytes]:
    Path("/run/sshd").mkdir(exist_ok=True)
    (base / "sshd_config").write_text(SSHD_CONFIG.format(base=base, port=PORT))
    words = ["/usr/sbin/sshd", "-D", "-E", str(base / "sshd.log"), "-f", str(base / "sshd_config")]
    # The server must not outlive us, also when we are killed. No threads run here that a fork could hurt.
    server = subprocess.Popen(words, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: PLW1509 - see above
    until = time.monotonic() + 10
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((address(0), PORT), 1) as connection:
            connection.recv(4)
            return server
        time.sleep(0.02)
    raise NotPossible(f"sshd did not start: {(base / 'sshd.log').read_text()}")


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Somebody at the silent ports, as long as the block lasts."""
    kept: list[socket.socket] = []

    def serve(server: socket.socket, text: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                kept.append(connection)
                connection.sendall(text)

    with contextlib.ExitStack() as stack:
        for port, text in SILENT.items():
            server = stack.enter_context(socket.create_server(("0.0.0.0", port), backlog=200))
            stack.callback(server.shutdown, socket.SHUT_RDWR)
            threading.Thread(target=serve, args=(server, text), daemon=True).start()
        try:
            yield
        finally:
            for connection in kept:
                connection.close()


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), str(target).encode(), kind.encode(), flags, options.encode()) != 0:
        raise NotPossible(f"cannot mount {target}: {os.strerror(ctypes.get_errno())}")


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, asked))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def carried_bytes() -> int:
    """What has passed over the loopback so far, headers included."""
    return int(_loopback().split()[8])


def _loopback() -> str:
    lines = Path("/proc/self/net/dev").read_text().splitlines()
    return next(line.partition(":")[2] for line in lines if line.split(":")[0].strip() == "lo")
