"""The package probe: on this machine's own dpkg where there is one, and on listings as dpkg-query and rpm give them."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)

package = import_module(f"{probes.__name__}.package")

ABSENT = {"status": "absent"}
debian = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="this machine has no dpkg")


def look(*names: str) -> list[dict[str, Any]]:
    return list(probes.answer([{"probe": "package", "name": n, "want": ["versions", "held"]} for n in names]))


@debian
def test_a_package_of_this_machine_and_one_that_nobody_has() -> None:
    version = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "dpkg"], capture_output=True, text=True, check=True
    ).stdout
    installed = {"status": "installed", "versions": [version], "held": False}
    assert look("dpkg", "no-such-package", "dpkg") == [installed, ABSENT, installed]


@debian
def test_all_packages_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    real = package._run
    monkeypatch.setattr(package, "_run", lambda command, accept=(0,): ran.append(command) or real(command, accept))
    look("dpkg", "bash", "no-such-package")
    assert [command[0] for command in ran] == ["dpkg", "dpkg-query"]


@debian
def test_only_what_is_wanted_is_told() -> None:
    assert probes.answer([{"probe": "package", "name": "dpkg", "want": []}]) == [{"status": "installed"}]


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({"apt-get", "dpkg-query", "rpm"}, ("apt", "")),
        ({"dnf", "dnf-3", "rpm", "dpkg-query"}, ("dnf", "")),
        ({"dnf", "dnf5", "rpm"}, ("dnf", "")),
        ({"zypper", "rpm"}, ("", "neither apt-get nor dnf")),
        ({"apt-get", "dpkg-query", "dnf-3", "rpm"}, ("", "both apt-get and dnf")),
    ],
)
def test_the_manager_is_told_by_its_programs(
    programs: set[str], expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/bin/{name}" if name in programs else None)
    manager, problem = package._manager()
    assert manager == expected[0]
    assert problem.startswith(expected[1])
    assert bool(problem) == bool(expected[1])


DPKG = """nginx\tamd64\tinstall\tinstalled\t1.22.1-9
libc6\tamd64\thold\tinstalled\t2.36-9
libc6\ti386\tinstall\tinstalled\t2.36-8
adduser\tall\tinstall\ttriggers-pending\t3.134
telnetd\tamd64\tdeinstall\tconfig-files\t0.17
wine\ti386\tinstall\tinstalled\t8.0
broken\tamd64\tinstall\thalf-configured\t1.0
gone\tamd64\tunknown\tnot-installed\t
"""


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("nginx", {"status": "installed", "versions": ["1.22.1-9"], "held": False}),
        ("libc6", {"status": "installed", "versions": ["2.36-9"], "held": True}),
        ("libc6:i386", {"status": "installed", "versions": ["2.36-8"], "held": False}),
        ("adduser", {"status": "installed", "versions": ["3.134"], "held": False}),
        ("telnetd", {"status": "config-files", "versions": [], "held": False}),
        ("wine", ABSENT),
        ("broken", {"status": "half-configured", "versions": ["1.0"], "held": False}),
        ("gone", ABSENT),
        ("unheard-of", ABSENT),
    ],
)
def test_what_dpkg_says(name: str, facts: dict[str, Any]) -> None:
    assert package.read_dpkg(DPKG, [name], "amd64") == {name: facts}


RPM = """@\tnginx\tx86_64\t1:1.20.1-14.el9
@\tkernel-core\tx86_64\t5.14.0-362.el9
@\tkernel-core\tx86_64\t5.14.0-284.el9
package telnet is not installed
"""
LOCKS = """# Added lock on Mon Nov  2 11:20:00 2026
nginx-1:1.20.1-14.el9.*
"""
DNF5_LOCKS = 'version = "1.0"\n[[packages]]\nname = "nginx"\n'


@pytest.mark.parametrize(
    ("name", "locks", "facts"),
    [
        ("nginx", "", {"status": "installed", "versions": ["1:1.20.1-14.el9"], "held": False}),
        ("nginx", LOCKS, {"status": "installed", "versions": ["1:1.20.1-14.el9"], "held": True}),
        ("nginx", DNF5_LOCKS, {"status": "installed", "versions": ["1:1.20.1-14.el9"], "held": True}),
        ("nginx.x86_64", "", {"status": "installed", "versions": ["1:1.20.1-14.el9"], "held": False}),
        (
            "kernel-core",
            LOCKS,
            {"status": "installed", "versions": ["5.14.0-284.el9", "5.14.0-362.el9"], "held": False},
        ),
        ("telnet", LOCKS, ABSENT),
    ],
)
def test_what_rpm_says(name: str, locks: str, facts: dict[str, Any]) -> None:
    assert package.read_rpm(RPM, [name], locks) == {name: facts}


def test_a_database_that_cannot_be_read_is_an_error_and_not_absence() -> None:
    with pytest.raises(RuntimeError, match="ls: "):
        package._run(["ls", "/no/such/database"])
