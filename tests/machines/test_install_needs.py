"""The script that prepares a fresh Debian for machine tests, on a fresh Debian whose archive has stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab, Machine, Package

pytestmark = pytest.mark.machines

SCRIPT = (Path(__file__).parents[1] / "lab" / "install-needs.sh").read_text()
PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-container": "systemd-nspawn",
    "git": "git",
    "chromium": "chromium",
    "prometheus": "promtool",
}


def stand_ins() -> list[Package]:
    return [Package(name, "1", files={f"/usr/bin/{program}": "#!/bin/sh\n"}) for name, program in PROGRAMS.items()]


def test_it_installs_what_is_missing_and_says_so(lab: Lab, machine: Machine) -> None:
    lab.apt.publish(*stand_ins())
    first = machine.run("sh -s", stdin=SCRIPT)
    second = machine.run("sh -s", stdin=SCRIPT)
    for package in stand_ins():
        lab.apt.withdraw(package)
    assert first.stderr.startswith("installing for the tests: debootstrap systemd-container git chromium prometheus\n")
    assert machine.run("dpkg-query --show --showformat='${Version}' git").stdout == "1"
    assert machine.exists("/usr/local/bin/promtool")
    assert not machine.exists("/usr/bin/promtool"), "a server that nobody wants"
    assert not machine.exists("/usr/sbin/policy-rc.d")
    assert (second.stdout, second.stderr) == ("", "")


def test_it_goes_on_without_root(machine: Machine) -> None:
    done = machine.run("sh -s", user="ops", stdin=SCRIPT)
    assert done.stderr == (
        "not root: the machine tests will be left out "
        "(they also need: debootstrap systemd-container git chromium prometheus)\n"
    )
    assert not machine.exists("/usr/bin/git")


def test_it_fails_where_installing_fails(machine: Machine) -> None:
    done = machine.run("sh -s", stdin=SCRIPT, check=False)
    assert done.returncode == 100
    assert "Unable to locate package debootstrap" in done.stderr
    assert not machine.exists("/usr/sbin/policy-rc.d")
