"""Packages where dnf looks after them: installed, in an exact version, moved both ways, locked, taken away.

The machine is a Debian whose apt was exchanged for dnf; rpm, dnf, its plugin and its database are the real ones.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab import Machine
from tests.machines.state import StateRepo, changes

pytestmark = pytest.mark.machines

NAME = "reconciler-demo"
LOCKS = "/etc/dnf/plugins/versionlock.list"
SPEC = """\
Name: reconciler-demo
Version: @VERSION@
Release: 1
Summary: for tests
License: none
BuildArch: noarch
AutoReqProv: no
%description
for tests
%install
mkdir -p %{buildroot}/usr/bin
echo 'echo @VERSION@' > %{buildroot}/usr/bin/reconciler-demo
%files
%attr(0755, root, root) /usr/bin/reconciler-demo
"""


@pytest.fixture
def machine(state: StateRepo) -> Machine:
    """A machine with dnf, whose repository has versions 1.0 and 2.0."""
    machine = state.lab["lab-1"]
    machine.run("lab-dnf")
    for version in ("1.0", "2.0"):
        machine.write("/tmp/demo.spec", SPEC.replace("@VERSION@", version))
        machine.run("rpmbuild -bb --quiet --define '_rpmdir /srv/lab-rpm' /tmp/demo.spec")
    machine.run("createrepo_c --quiet /srv/lab-rpm")
    return machine


def want(state: StateRepo, **fields: Any) -> None:
    state.service("demo", [{"package": NAME, **fields}], "lab-1")
    state.commit(str(fields))


def installed(machine: Machine) -> str:
    return machine.run(f"rpm -q {NAME}", check=False).stdout.strip()


def locked(machine: Machine) -> list[str]:
    lines = machine.read(LOCKS).splitlines() if machine.exists(LOCKS) else []
    return [line for line in lines if line and not line.startswith("#")]


def test_versions_up_and_down_and_locked(state: StateRepo, machine: Machine) -> None:
    want(state, version="1.0-1")
    state.apply()
    assert installed(machine) == f"{NAME}-1.0-1.noarch"
    assert machine.run(NAME).stdout == "1.0\n"
    assert changes(state.plan(), "lab-1") == []

    want(state, version="2.0-1", hold=True)
    state.apply()
    assert (installed(machine), len(locked(machine))) == (f"{NAME}-2.0-1.noarch", 1)

    want(state, version="1.0-1", hold=True)
    state.apply()
    assert installed(machine) == f"{NAME}-1.0-1.noarch"
    assert locked(machine) == [f"{NAME}-0:1.0-1.*"]
    assert changes(state.plan(), "lab-1") == []

    state.service("other", [{"file": "/etc/other", "content": "x"}], "lab-2")  # an empty state would delete nothing
    state.remove("services/demo.yaml")
    state.commit("no demo")
    state.apply("--no-observe")
    assert installed(machine) == f"package {NAME} is not installed"
    assert locked(machine) == []
    assert changes(state.plan(), "lab-1") == []


def test_what_was_changed_by_hand_is_healed(state: StateRepo, machine: Machine) -> None:
    want(state, version="1.0-1", hold=False)
    state.apply()
    machine.run(f"dnf -qy install {NAME}-2.0-1 && dnf -q versionlock add {NAME}")
    drift = state.run("drift", "--output", "json")
    assert [(d["name"], sorted(f["path"] for f in d["fields"])) for d in drift.json["drifted"]] == [
        (NAME, ["hold", "version"])
    ]
    state.apply("--heal")
    assert (installed(machine), locked(machine)) == (f"{NAME}-1.0-1.noarch", [])


def test_a_version_that_nobody_has_fails_and_changes_nothing(state: StateRepo, machine: Machine) -> None:
    machine.run(f"dnf -qy install {NAME}-1.0-1")
    want(state, version="9.9-1")
    [message] = [o["message"] for o in state.apply(ok=False)["outcomes"] if o["result"] == "failed"]
    assert f"{NAME}-9.9-1" in message
    assert installed(machine) == f"{NAME}-1.0-1.noarch"
