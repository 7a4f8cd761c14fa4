"""Ansible's own modules find on a machine what they need. Plain ansible-playbook, none of the product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, Machine

pytestmark = pytest.mark.machines

TASKS: dict[str, dict[str, Any]] = {
    "apt": {"name": "reconciler-demo", "state": "present", "update_cache": True},
    "systemd_service": {"name": "reconciler-demo", "state": "stopped", "enabled": False},
    "deb822_repository": {
        "name": "second",
        "uris": "file:/srv/lab-apt",
        "suites": "./",
        "trusted": True,
        "enabled": False,
    },
    "group": {"name": "crew"},
    "user": {"name": "alice", "groups": ["crew"], "shell": "/bin/sh"},
    "cron": {"name": "tidy", "user": "alice", "minute": "5", "job": "true"},
    "copy": {"dest": "/etc/lab-copy", "content": "text\n", "mode": "0640", "group": "crew"},
    "lineinfile": {"path": "/etc/lab-copy", "line": "more"},
    "hostname": {"name": "renamed", "use": "systemd"},
}


def play(lab: Lab, machine: Machine, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs TASKS on the machine as ops, with sudo, and one task as another user without privileges."""
    tasks: list[dict[str, Any]] = [{f"ansible.builtin.{module}": args} for module, args in TASKS.items()]
    tasks.append({"ansible.builtin.command": "id -un", "become_user": "opspw", "changed_when": False})
    plays = [{"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}]
    (folder / "play.yml").write_text(json.dumps(plays))
    (folder / "hosts").write_text(f"{machine.name} ansible_python_interpreter=/usr/bin/python3\n")
    ssh_args = f"-F {lab.ssh_config} -o ControlMaster=auto -o ControlPersist=5s"
    (folder / "ansible.cfg").write_text(f"[connection]\npipelining=true\n[ssh_connection]\nssh_args={ssh_args}\n")
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", str(folder / "hosts"), "-u", "ops", str(folder / "play.yml")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_modules_find_what_they_need(lab: Lab, machine: Machine, tmp_path: Path) -> None:
    done = play(lab, machine, tmp_path)
    assert f"ok={len(TASKS) + 1} " in done.stdout, done.stdout + done.stderr
    assert f"changed={len(TASKS)} " in done.stdout
    assert machine.run("hostname; systemctl is-enabled reconciler-demo", check=False).stdout == "renamed\ndisabled\n"
    assert machine.read("/etc/lab-copy") == "text\nmore\n"
    assert machine.run("crontab -l -u alice").stdout == "#Ansible: tidy\n5 * * * * true\n"
