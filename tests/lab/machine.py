"""One machine of a lab: started, stopped, cut off, looked at and changed, all without the product and without SSH.

Knows its own folder, cgroup and address. Must not know the lab around it.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.base import LabError
from tests.lab.guard import end_cgroup
from tests.lab.needs import search_path

LAUNCH = Path(__file__).with_name("launch.sh")
PATIENCE = 60.0
"""Seconds that a machine may take to boot or to shut down; it takes about one."""

SSHD = """ListenAddress {address}
Port {port}
HostKey /etc/ssh/lab/host_key
AuthorizedKeysFile /etc/ssh/lab/authorized_keys .ssh/authorized_keys
PasswordAuthentication no
UseDNS no
MaxStartups 100
KexAlgorithms curve25519-sha256
"""
"""Limits as a fleet's controller would want them, and the cheapest key exchange: the default costs a login a third."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all machines of a lab share. `client` holds the files of people who log in: key, known_hosts, config."""

    base: Path
    cgroup: Path
    folder: Path
    apt: Path
    client: Path
    registered: str


@dataclass(eq=False)
class Machine:
    """A Debian with systemd, on `address`:`port`. `id` is its machine-id."""

    name: str
    address: str
    port: int
    site: Site
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return self.site.folder / "machines" / self.name

    @property
    def cgroup(self) -> Path:
        return self.site.cgroup / self.name

    @property
    def host_key(self) -> str:
        """The public SSH host key, as `type base64`."""
        return " ".join((self.folder / "ssh" / "host_key.pub").read_text().split()[:2])

    def run(
        self, command: str, *, user: str = "root", check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a shell command in the machine, going in beside SSH: also when it can't be reached, or is paused."""
        inside = [
            "nsenter",
            "--target",
            str(self._init()),
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--root",
            "--wd",
        ]
        clean = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        shell = (
            ["HOME=/root", "/bin/sh", "-c", command]
            if user == "root"
            else ["runuser", "-u", user, "--", "sh", "-c", command]
        )
        return self._checked([*inside, *clean, *shell], check, stdin)

    def ssh(
        self, command: str, *, user: str = "root", check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a shell command over SSH, as anybody with the lab's key would. Gives up connecting after 3 s."""
        client = ["ssh", "-F", str(self.site.client / "ssh_config"), "-o", "ConnectTimeout=3", "-l", user, self.name]
        return self._checked([*client, command], check, stdin)

    def read(self, path: str) -> str:
        return self.run(f"cat -- {shlex.quote(path)}").stdout

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Puts a file there, with the folders above it."""
        quoted = shlex.quote(path)
        self.run(f'mkdir -p -- "$(dirname -- {quoted})" && cat > {quoted} && chmod {mode} -- {quoted}', stdin=text)

    def exists(self, path: str) -> bool:
        return self.run(f"test -e {shlex.quote(path)}", check=False).returncode == 0

    def start(self) -> None:
        """Switches on and waits until SSH answers and systemd has booted. Writes of earlier boots are still there."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Switches on and waits for nothing."""
        if self._process is not None:
            raise LabError(f"{self.name} is already on")
        self._furnish()
        self.cgroup.mkdir(parents=True)
        site = self.site
        folders = [str(self.cgroup), str(site.base), str(self.folder)]
        names = [self.name, f"{site.registered}-{self.name}", self.id, str(site.apt)]
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "/bin/sh", str(LAUNCH), *folders, *names],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={"PATH": search_path(), "LC_ALL": "C.UTF-8"},
            )

    def wait(self) -> None:
        """Until SSH answers and systemd says that the boot is done."""
        self._until(self._answers, "SSH does not answer")
        state = self.run("systemctl is-system-running --wait", check=False).stdout.strip()
        if state != "running":
            failed = self.run("systemctl list-units --failed --plain --no-legend", check=False).stdout
            raise LabError(f"{self.name} booted {state}, not running:\n{failed}")

    def stop(self) -> None:
        """An orderly shutdown."""
        self.run("systemctl --no-block poweroff")
        self._until(lambda: not self.on, "it does not shut down")
        self.kill()

    def kill(self) -> None:
        """Pulls the plug. What was written is kept; what ran is gone."""
        end_cgroup(self.cgroup)
        if self._process is not None:
            self._process.wait(PATIENCE)
            self._process = None

    def reset(self) -> None:
        """Back to the state of the first boot: the same machine, nothing of what was written."""
        self.kill()
        for folder in ("upper", "work"):
            shutil.rmtree(self.folder / folder)
        self.start()

    def replace(self) -> None:
        """A new machine takes the place of this one: same name and address, another machine-id and host key.

        The lab's known_hosts still names the old one.
        """
        self.kill()
        shutil.rmtree(self.folder)
        self.id = uuid.uuid4().hex
        self.start()

    @property
    def on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def pause(self) -> None:
        """Freezes every process: connections open, or half open, and nothing ever answers."""
        (self.cgroup / "cgroup.freeze").write_text("1")
        self._until(lambda: "frozen 1" in (self.cgroup / "cgroup.events").read_text(), "it does not freeze")

    def resume(self) -> None:
        (self.cgroup / "cgroup.freeze").write_text("0")

    def refuse(self) -> None:
        """Breaks all SSH connections and closes the port: whoever connects is refused at once."""
        self.run("systemctl kill --signal=KILL ssh; systemctl stop ssh; systemctl reset-failed ssh", check=False)

    def accept(self) -> None:
        """Opens the port again."""
        self.run("systemctl start ssh")
        self._until(self._answers, "SSH does not answer")

    def _furnish(self) -> None:
        """The machine's folders, its host key and the settings of its sshd; what is there from before is kept."""
        for folder in ("upper", "work", "root", "ssh"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        ssh = self.folder / "ssh"
        (ssh / "sshd.conf").write_text(SSHD.format(address=self.address, port=self.port))
        shutil.copyfile(self.site.client / "id_ed25519.pub", ssh / "authorized_keys")
        if not (ssh / "host_key").exists():
            new_key(ssh / "host_key", self.name)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _init(self) -> int:
        """The process that is the machine's PID 1."""
        inside = self.cgroup / "payload" / "init.scope" / "cgroup.procs"
        if not self.on or not inside.exists():
            raise LabError(f"{self.name} is not on; its console:\n{self._console()}")
        return int(inside.read_text().split()[0])

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        give_up = time.monotonic() + PATIENCE
        wanted_on = self.on
        while not condition():
            if time.monotonic() > give_up or (wanted_on and not self.on and not condition()):
                raise LabError(f"{self.name}: {otherwise}; its console:\n{self._console()}")
            time.sleep(0.02)

    def _console(self) -> str:
        console = self.folder / "console"
        return "\n".join(console.read_text(errors="replace").splitlines()[-20:]) if console.exists() else "(empty)"

    def _checked(self, command: list[str], check: bool, stdin: str | None) -> subprocess.CompletedProcess[str]:
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * 2, check=False, **source)
        if check and done.returncode:
            raise LabError(f"{self.name}: {command[-1]!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done


def new_key(path: Path, comment: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], check=True)
