"""Packages from a real apt repository: installed, in an exact version, upgraded, downgraded, held, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import AptRepo, Lab, Machine, demo
from tests.machines.state import StateRepo, changes, results

pytestmark = pytest.mark.machines

NAME = "reconciler-demo"


@pytest.fixture
def apt(lab: Lab) -> Iterator[AptRepo]:
    """The lab's repository with versions 1.0 and 2.0."""
    lab.apt.publish(demo("2.0"))
    yield lab.apt
    lab.apt.withdraw(demo("2.0"))


def installed(machine: Machine) -> str:
    return machine.run(f"dpkg-query -Wf '${{db:Status-Status}} ${{Version}}' {NAME}", check=False).stdout


def want(state: StateRepo, **fields: Any) -> None:
    resources = [{"package": NAME, **fields}, {"service": NAME, "state": "running", "enabled": True}]
    state.service("demo", resources, "lab-1")
    state.service("other", [{"directory": "/srv/other"}], "lab-1")
    state.commit(str(fields))


def test_versions_up_and_down_and_held(state: StateRepo, apt: AptRepo) -> None:
    machine = state.lab["lab-1"]
    want(state, version="1.0")
    run = state.apply()
    assert results(run, "lab-1")["create", "package", NAME] == "changed"
    assert installed(machine) == "installed 1.0"
    assert machine.run(f"systemctl is-active {NAME}").stdout == "active\n"

    want(state, version="2.0", hold=True)
    state.apply()
    assert installed(machine) == "installed 2.0"
    assert machine.run("apt-mark showhold").stdout == f"{NAME}\n"

    want(state, version="1.0", hold=True)
    plan = state.plan()
    [program] = plan["programs"].values()
    fields = {f["path"]: (f["before"], f["after"]) for f in program["changes"][0]["fields"]}
    assert fields == {"version": ("2.0", "1.0")}
    state.apply("--no-observe")
    assert installed(machine) == "installed 1.0"
    assert machine.run("apt-mark showhold").stdout == f"{NAME}\n"
    assert changes(state.plan(), "lab-1") == []

    state.remove("services/demo.yaml")
    state.commit("no demo")
    state.apply("--no-observe")
    assert installed(machine).startswith("config-files"), "held by us, removed by us"
    assert machine.run(f"systemctl is-active {NAME}", check=False).stdout != "active\n"
    assert changes(state.plan(), "lab-1") == []


def test_a_version_published_a_moment_ago_is_found(state: StateRepo, apt: AptRepo) -> None:
    machine = state.lab["lab-1"]
    machine.run("apt-get -q update")
    apt.publish(demo("3.0"))
    try:
        want(state, version="3.0")
        state.apply()
        assert installed(machine) == "installed 3.0"
    finally:
        apt.withdraw(demo("3.0"))


def test_a_version_that_nobody_has_fails_and_changes_nothing(state: StateRepo, apt: AptRepo) -> None:
    machine = state.lab["lab-1"]
    machine.run(f"apt-get -q update && apt-get -qy install {NAME}=1.0")
    want(state, version="9.9")
    run = state.apply(ok=False)
    [message] = [o["message"] for o in run["outcomes"] if o["result"] == "failed"]
    assert "9.9" in message
    assert installed(machine) == "installed 1.0"
    assert machine.exists("/srv/other"), "another service goes on"
