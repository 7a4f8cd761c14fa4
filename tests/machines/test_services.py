"""A service and what it answers to: reloaded and restarted once, when it is due, also when a run broke off before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.machines.state import StateRepo, changes, results, statuses

pytestmark = pytest.mark.machines

UNIT = """[Service]
ExecStartPre=/bin/sh -c 'echo start >> /var/log/app'
ExecStart=/bin/sleep {{ vars.sleep }}
ExecReload=/bin/sh -c 'echo reload >> /var/log/app'

[Install]
WantedBy=multi-user.target
"""
FILES = ("file//etc/app/main.conf", "file//etc/app/more.conf")


def app(*between: dict[str, Any]) -> list[dict[str, Any]]:
    """An application of two files, a unit and a service; what it is told is in the machine's /var/log/app."""
    return [
        {"directory": "/etc/app"},
        {"file": "/etc/app/main.conf", "template": "files/main.conf.j2"},
        {"file": "/etc/app/more.conf", "content": "{{ vars.greeting }} once more\n"},
        *between,
        {"unit": "app.service", "template": "files/app.service.j2"},
        {"service": "app", "state": "running", "reload_on": FILES, "restart_on": ["unit/app.service"]},
    ]


def write(state: StateRepo, *between: dict[str, Any], greeting: str = "hello", sleep: str = "1000") -> None:
    state.write("files/main.conf.j2", "greeting = {{ vars.greeting }}\nhost = {{ host.name }}\n")
    state.write("files/app.service.j2", UNIT)
    state.service("app", app(*between), "lab-1", "lab-2", vars={"greeting": greeting, "sleep": sleep})
    state.commit(f"{greeting} {sleep}")


def test_a_service_reloads_once_for_all_files_and_restarts_for_its_unit(state: StateRepo) -> None:
    machine = state.lab["lab-1"]
    write(state)
    state.apply()
    assert machine.read("/var/log/app") == "start\n"

    write(state, greeting="good morning")
    plan = state.plan("--no-observe")
    assert changes(plan, "lab-1")[-1] == ("reload", "service", "app")
    state.apply("--no-observe")
    assert machine.read("/etc/app/main.conf") == "greeting = good morning\nhost = lab-1\n"
    assert machine.read("/var/log/app") == "start\nreload\n"

    write(state, greeting="good evening", sleep="2000")
    state.apply("--no-observe")
    assert machine.read("/var/log/app") == "start\nreload\nstart\n", "a restart makes the reload needless"
    assert "sleep 2000" in machine.run("systemctl status app").stdout

    machine.write("/etc/app/more.conf", "mine\n")
    run = state.apply("--heal")
    assert results(run, "lab-1") == {
        ("update", "file", "/etc/app/more.conf"): "changed",
        ("reload", "service", "app"): "changed",
    }
    assert machine.read("/var/log/app") == "start\nreload\nstart\nreload\n"
    assert state.lab["lab-2"].read("/var/log/app") == "start\nreload\nstart\n"
    assert changes(state.plan(), "lab-1") == []


def test_a_failure_in_the_middle_stops_that_host_only_and_the_reload_stays_owed(state: StateRepo) -> None:
    write(state)
    state.apply()
    state.lab["lab-2"].write("/etc/may", "")
    middle = {"command": "middle", "run": "cp /etc/may /etc/app/middle", "creates": "/etc/app/middle"}
    write(state, middle, greeting="new")

    run = state.apply(ok=False)
    assert results(run, "lab-1") == {
        ("update", "file", "/etc/app/main.conf"): "changed",
        ("update", "file", "/etc/app/more.conf"): "changed",
        ("create", "command", "middle"): "failed",
        ("reload", "service", "app"): "skipped",
    }
    assert set(results(run, "lab-2").values()) == {"changed"}
    status, reason = statuses(run)["lab-1"]
    assert status == "failed"
    assert "command/middle" in reason
    assert "/etc/may" in reason
    assert "lab-2" not in statuses(run)
    logs = {name: state.lab[name].read("/var/log/app") for name in ("lab-1", "lab-2")}
    assert logs == {"lab-1": "start\n", "lab-2": "start\nreload\n"}

    state.lab["lab-1"].write("/etc/may", "")
    run = state.apply()
    assert results(run, "lab-1") == {
        ("create", "command", "middle"): "changed",
        ("reload", "service", "app"): "changed",
    }
    assert results(run, "lab-2") == {}
    assert state.lab["lab-1"].read("/var/log/app") == "start\nreload\n"
    assert changes(state.plan(), "lab-1") == []


def test_what_its_validation_refuses_is_never_put_in_place(state: StateRepo) -> None:
    machine = state.lab["lab-1"]
    rules = {"file": "/etc/sudoers.d/team", "mode": "0440", "validate": "visudo -c -f %s"}
    line = {"line": "port", "path": "/etc/ssh/sshd_config", "match": "^#?Port ", "validate": "sshd -t -f %s"}
    state.service("rules", [{**rules, "content": "%team ALL=(ALL) ALL\n"}], "lab-1")
    state.service("line", [{**line, "text": "Port 22"}], "lab-1")
    state.commit("good")
    state.apply()
    good = machine.read("/etc/ssh/sshd_config")

    state.service("rules", [{**rules, "content": "%team ALL=(ALL ALL\n"}], "lab-1")
    state.service("line", [{**line, "text": "Port many"}], "lab-1")
    state.commit("bad")
    run = state.apply("--no-observe", ok=False)
    assert set(results(run, "lab-1").values()) == {"failed"}
    assert "failed to validate" in " ".join(o["message"] for o in run["outcomes"])
    assert machine.read("/etc/sudoers.d/team") == "%team ALL=(ALL) ALL\n"
    assert machine.read("/etc/ssh/sshd_config") == good
