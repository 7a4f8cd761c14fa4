"""Accounts as people use them: somebody logs in with the key that Git has, and can't any more when it has left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.machine import new_key
from tests.machines.state import StateRepo

pytestmark = pytest.mark.machines


def test_a_key_lets_its_owner_in_until_it_leaves_git(state: StateRepo, tmp_path: Path) -> None:
    machine = state.lab["lab-1"]
    new_key(tmp_path / "alice", "alice")
    public = (tmp_path / "alice.pub").read_text().strip()
    account = [{"group": "crew"}, {"user": "alice", "groups": ["crew"], "shell": "/bin/sh"}]
    state.service("people", [*account, {"authorized_key": "alice", "user": "alice", "key": public}], "lab-1")
    state.commit("alice")
    state.apply()
    assert logged_in(state, tmp_path / "alice") == (0, "alice crew\n")

    state.service("people", account, "lab-1")
    state.commit("alice may not log in")
    state.apply("--no-observe")
    assert logged_in(state, tmp_path / "alice") == (255, "")
    assert machine.run("getent group crew").stdout.endswith(":alice\n")


def logged_in(state: StateRepo, key: Path) -> tuple[int, str]:
    """What a login as alice with the key comes to: ssh's exit code, and the groups that she is in."""
    # The lab's configuration comes with the lab's key: only the addresses and known hosts of it are wanted here.
    machine, options = state.lab["lab-1"], ["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    known = f"UserKnownHostsFile={state.lab.known_hosts}"
    where = ["-p", str(machine.port), "-l", "alice", machine.address]
    command = ["ssh", *options, "-o", known, "-i", str(key), *where, "id -Gn"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout
