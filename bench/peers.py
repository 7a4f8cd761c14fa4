"""The same changes as other programs make them, set up well: plain Ansible, pyinfra; and the least that ssh costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from bench import hosts
from bench.hosts import Hosts

PYINFRA = "pyinfra==3.10.0"
FORKS = 10


@dataclass(frozen=True)
class Job:
    """`changes` directories named after `name` on `count` hosts, with a mode."""

    count: int
    changes: int
    name: str
    mode: str


def ours(fleet: Hosts, job: Job, way: str) -> list[str]:
    words = [str(fleet.base), str(job.count), way, str(job.changes), job.name, job.mode]
    return [sys.executable, "-m", "bench.visit", *words]


def plain_ansible(fleet: Hosts, job: Job) -> tuple[list[str], dict[str, str]]:
    """A play with a task for each change: pipelining, connections kept, forks that gain something on two cores."""
    directory = fleet.base / "ansible"
    directory.mkdir(exist_ok=True)
    args = [{"path": f"/srv/{job.name}/{n}", "state": "directory", "mode": job.mode} for n in range(job.changes)]
    tasks = [{"name": f"directory {n}", "ansible.builtin.file": args[n]} for n in range(job.changes)]
    (directory / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    inventory = {"all": {"hosts": {at: {} for at in fleet.addresses(job.count)}}}
    (directory / "hosts.json").write_text(json.dumps(inventory))
    options = f"-o ControlMaster=auto -o ControlPersist=300s -o UserKnownHostsFile={fleet.base}/known_hosts"
    (directory / "ansible.cfg").write_text(
        f"[defaults]\nforks={FORKS}\nremote_user=root\nremote_port={hosts.PORT}\nprivate_key_file={fleet.base}/key\n"
        f"interpreter_python=/usr/bin/python3\nhome={directory}/home\nnocolor=True\n"
        f"[inventory]\nenable_plugins=ansible.builtin.yaml\n"
        f"[ssh_connection]\npipelining=True\nssh_args=-F /dev/null {options}\ncontrol_path_dir={fleet.base}/cp\n"
    )
    program = str(Path(sys.executable).parent / "ansible-playbook")
    words = [program, "-i", str(directory / "hosts.json"), str(directory / "play.json")]
    return words, {"ANSIBLE_CONFIG": str(directory / "ansible.cfg")}


def pyinfra_environment() -> Path | None:
    """pyinfra in an environment of its own, made if need be; None where it can't be had."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconciler-bench" / "pyinfra"
    program = home / "bin" / "pyinfra"
    if not program.exists():
        try:
            venv.create(home, with_pip=True, clear=True)
            subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", PYINFRA], check=True)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(home, ignore_errors=True)
            return None
    return program


def pyinfra(fleet: Hosts, job: Job, program: Path) -> list[str]:
    directory = fleet.base / "pyinfra"
    directory.mkdir(exist_ok=True)
    data = {
        "ssh_user": "root",
        "ssh_port": hosts.PORT,
        "ssh_key": str(fleet.base / "key"),
        "ssh_known_hosts_file": str(fleet.base / "known_hosts"),
    }
    (directory / "inventory.py").write_text(f"machines = ({fleet.addresses(job.count)!r}, {data!r})\n")
    lines = [
        f"files.directory(path='/srv/{job.name}/{number}', mode='{job.mode[1:]}')\n" for number in range(job.changes)
    ]
    (directory / "deploy.py").write_text("from pyinfra.operations import files\n" + "".join(lines))
    return [str(program), "-y", str(directory / "inventory.py"), str(directory / "deploy.py")]


def floor(fleet: Hosts, job: Job) -> list[str]:
    """`ssh host true`, one host after another."""
    options = f"-F /dev/null -o BatchMode=yes -o UserKnownHostsFile={fleet.base}/known_hosts -i {fleet.base}/key"
    loop = f"for host; do ssh {options} -p {hosts.PORT} root@$host true || exit 1; done"
    return ["sh", "-c", loop, "sh", *fleet.addresses(job.count)]


def forget(fleet: Hosts) -> None:
    """As on the first day: no connections kept, no code on the hosts, nothing remembered here."""
    for socket in [*(fleet.base / "cp").glob("*"), *(fleet.base / "cache").glob("ssh-*/*")]:
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "x"], check=False, capture_output=True)
    shutil.rmtree(fleet.base / "cache", ignore_errors=True)
    for number in range(fleet.count):
        shutil.rmtree(fleet.base / "hosts" / hosts.address(number) / "var/lib/reconciler", ignore_errors=True)
