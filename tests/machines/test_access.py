"""How hosts are reached: as root, with sudo, with a sudo password; and what is said where that does not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab
from tests.lab.base import OPSPW_PASSWORD
from tests.machines.state import LABELS, StateRepo, results, statuses

pytestmark = pytest.mark.machines

FILE = [{"file": "/etc/reached", "content": "reached\n", "owner": "root", "mode": "0600"}]
COUNTED = """#!/bin/sh
echo "$SSH_ORIGINAL_COMMAND" >> /var/log/commands
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


def password(state: StateRepo, text: str) -> None:
    """Sets the sudo password that the operator gives."""
    file = state.folder / "sudo-password"
    file.write_text(text + "\n")
    file.chmod(0o600)
    state.settings["become_password_file"] = str(file)


def test_root_and_sudo_with_and_without_a_password(state: StateRepo) -> None:
    password(state, OPSPW_PASSWORD)
    state.host("lab-2", user="ops", become=True)
    state.host("lab-3", user="opspw", become=True)
    state.host("lab-4", user="ops")
    state.service("reached", FILE, "lab-1", "lab-2", "lab-3")
    state.service("own", [{"file": "/home/ops/own", "content": "own\n"}], "lab-4")
    # What only root's PATH has: sysctl.
    state.service("system", [{"sysctl": "kernel.msgmax", "value": 9000}], "lab-2", "lab-3")
    state.commit()
    state.apply()
    assert [state.lab[f"lab-{n}"].run("stat -c '%U %a' /etc/reached").stdout for n in (1, 2, 3)] == ["root 600\n"] * 3
    assert state.lab["lab-4"].run("stat -c %U /home/ops/own").stdout == "ops\n"
    assert [state.lab[f"lab-{n}"].read("/proc/sys/kernel/msgmax") for n in (2, 3)] == ["9000\n"] * 2
    assert state.plan()["summary"]["unknown"] == 0


def test_hosts_that_cannot_be_reached_are_named_with_the_reason(state: StateRepo) -> None:
    lab = state.lab
    password(state, "wrong-canary")
    state.host("lab-2", user="opspw", become=True)
    lab["lab-3"].run("mv /usr/bin/python3 /usr/bin/python3.away")
    here = {"address": lab["lab-1"].address, "user": "root"}
    state.document("Host", "closed", {**here, "port": 1}, LABELS)
    state.document("Host", "denied", {**here, "port": lab["lab-1"].port, "user": "stranger"}, LABELS)
    known = state.folder / "known_hosts"
    lines = lab.known_hosts.read_text().splitlines(keepends=True)
    # The address of lab-4 has another key than the one that is known.
    known.write_text("".join(lines[:3]) + lines[3].replace(lab["lab-4"].host_key, lab["lab-1"].host_key))
    state.settings["known_hosts_file"] = str(known)
    state.service("reached", FILE)
    state.commit()

    said = state.run("apply", "--yes", "--output", "json")
    assert said.code == 0, "whom nobody reaches fails nobody else"
    assert set(results(said.json, "lab-1").values()) == {"changed"}
    plan = state.plan()
    reasons = {host: b["message"] for b in plan["blocked"] for host in b["hosts"]}
    assert reasons == {
        "lab-2": "sudo: wrong password",
        "lab-3": "no python3 at /usr/bin/python3; install python3, or set ssh.python",
        "lab-4": f"ssh: the host key of {lab['lab-4'].address} is not the one in {known}",
        "closed": "ssh: connection refused",
        "denied": "ssh: permission denied (publickey) for user stranger",
    }
    text = state.run("plan", "--no-observe").out
    assert all(host in text for host in reasons)
    assert "wrong-canary" not in said.out + said.err + text
    assert lab["lab-1"].read("/etc/reached") == "reached\n"


def test_another_machine_at_the_address_gets_nothing_that_was_planned(cache: Path, tmp_path: Path) -> None:
    with Lab(2) as lab:
        state = StateRepo(lab, tmp_path / "swapped", cache)
        state.service("reached", FILE)
        state.commit()
        file = str(tmp_path / "plan.json")
        state.plan("--out", file)
        lab["lab-2"].replace()
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"[{m.address}]:{m.port} {m.host_key}\n" for m in lab.machines))
        # Whoever put the machine there has its new key known; the plan was made for another machine all the same.
        state.settings["known_hosts_file"] = str(known)
        state.run("observe")  # knows the new machine from now on; the plan does not
        run = state.apply(file, ok=False)
        status, reason = statuses(run)["lab-2"]
        assert (status, set(statuses(run))) == ("refused", {"lab-2"})
        assert "another machine answers here" in reason
        assert not lab["lab-2"].exists("/etc/reached")
        assert lab["lab-1"].read("/etc/reached") == "reached\n"
        state.apply()
        assert lab["lab-2"].read("/etc/reached") == "reached\n", "a plan that knows the new machine"


def test_one_command_for_each_look_and_each_step(state: StateRepo, tmp_path: Path) -> None:
    state.cache = tmp_path / "cache"
    for machine in state.lab.machines:
        machine.write("/usr/local/bin/counted", COUNTED, mode="0755")
        machine.write("/etc/ssh/sshd_config.d/counted.conf", "ForceCommand /usr/local/bin/counted\n")
        machine.run("systemctl reload ssh")
    state.service("first", [{"directory": f"/srv/{n}"} for n in range(5)])
    state.service("second", [{"user": "alice"}, *FILE], requires=["first"])
    state.commit()
    state.run("observe")
    assert commands(state) == [1, 1, 1, 1]
    state.apply("--no-observe")
    assert commands(state) == [3, 3, 3, 3], "one for each of two steps, nothing before or after"
    state.plan()
    assert commands(state) == [4, 4, 4, 4]


def commands(state: StateRepo) -> list[int]:
    """How many commands each machine has got over SSH."""
    return [len(machine.read("/var/log/commands").splitlines()) for machine in state.lab.machines]
