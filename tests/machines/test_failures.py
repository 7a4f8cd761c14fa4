"""What goes wrong in the middle of things: hosts that are down, changed behind the plan's back or full, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.machines.state import StateRepo, changes, results, statuses
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.machines

THREE = ("lab-1", "lab-2", "lab-3")
MOTD = [{"file": "/etc/motd", "content": "of {{ host.name }}\n"}]


def motds(state: StateRepo) -> list[str]:
    """The machines that have the message of the day that Git asks for."""
    return [m.name for m in state.lab.machines if m.on and m.read("/etc/motd") == f"of {m.name}\n"]


def test_hosts_that_are_down_or_hang_are_caught_up_later(state: StateRepo) -> None:
    state.settings["connect_timeout"] = 2
    state.service("motd", MOTD, "lab-1", "lab-2", "lab-3")
    state.commit()
    state.plan("--out", str(state.folder / "plan.json"))
    state.lab["lab-2"].kill()
    state.lab["lab-3"].pause()
    run = state.apply(str(state.folder / "plan.json"), ok=False)
    assert statuses(run) == {
        "lab-2": ("unreachable", "ssh: connection refused"),
        "lab-3": ("unreachable", "ssh: timed out"),
    }
    assert motds(state) == ["lab-1"]

    state.lab["lab-3"].resume()
    blocked = state.plan()["blocked"]
    assert [(b["hosts"], b["reason"], b["message"]) for b in blocked] == [
        (["lab-2"], "unreachable", "ssh: connection refused")
    ]

    state.lab["lab-2"].start()
    run = state.apply()
    assert [set(results(run, host).values()) for host in ("lab-1", "lab-2", "lab-3")] == [
        set(),
        {"changed"},
        {"changed"},
    ]
    assert motds(state) == ["lab-1", "lab-2", "lab-3"]


def test_a_host_that_was_changed_after_the_plan_is_left_alone(state: StateRepo) -> None:
    state.service("motd", [*MOTD, {"directory": "/srv/motd"}], "lab-1", "lab-2")
    state.commit()
    file = str(state.folder / "plan.json")
    state.plan("--out", file)
    state.lab["lab-2"].write("/etc/motd", "mine\n")
    run = state.apply(file, ok=False)
    status, reason = statuses(run)["lab-2"]
    assert (status, set(statuses(run))) == ("stale", {"lab-2"})
    assert "file//etc/motd" in reason
    assert state.lab["lab-2"].read("/etc/motd") == "mine\n"
    assert not state.lab["lab-2"].exists("/srv/motd"), "nothing at all was done there"
    assert motds(state) == ["lab-1"]

    again = state.run("apply", "--yes", file)
    assert (again.code, "applied already" in again.err) == (1, True), again
    state.apply()
    assert motds(state) == ["lab-1", "lab-2"]


@pytest.mark.parametrize(("carrier", "one_at_a_time"), [("standard", "forks"), ("fan-out", "width")])
def test_ctrl_c_lets_begun_hosts_finish_and_begins_no_other(state: StateRepo, carrier: str, one_at_a_time: str) -> None:
    state.settings |= {"carrier": carrier, one_at_a_time: 1}
    slow = "echo begun >> /srv/begun; sleep 3; echo done >> /srv/done"
    state.service("slow", [{"command": "slow", "run": slow, "shell": True, "creates": "/srv/done"}, *MOTD], *THREE)
    state.commit()
    state.plan()
    with state.start("apply", "--yes", "--no-observe", "--output", "json") as process:
        until(lambda: any(m.exists("/srv/begun") for m in state.lab.machines))
        # As a terminal does: to all processes of the foreground.
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, out + err
    begun = [m.name for m in state.lab.machines if m.exists("/srv/begun")]
    assert len(begun) == 1
    assert state.lab[begun[0]].read("/srv/done") == "done\n"
    assert motds(state) == begun

    run = state.run("runs", "show", "1", "--output", "json").json
    assert run["status"] == "stopped"
    assert set(results(run, begun[0]).values()) == {"changed"}
    assert {host: status for host, (status, _) in statuses(run).items()} == dict.fromkeys(
        set(THREE) - set(begun), "skipped"
    )
    state.apply()
    assert [state.lab[name].read("/srv/begun") for name in THREE] == ["begun\n"] * 3, "nothing was begun twice"
    assert motds(state) == list(THREE)


def test_a_connection_that_breaks_in_the_middle_is_lost_and_the_next_apply_finishes(state: StateRepo) -> None:
    machine = state.lab["lab-1"]
    slow = "echo begun >> /srv/begun; test -e /srv/quick || sleep 60; touch /srv/done"
    state.service("slow", [{"command": "slow", "run": slow, "shell": True, "creates": "/srv/done"}, *MOTD], "lab-1")
    state.commit()
    with state.start("apply", "--yes", "--output", "json") as process:
        until(lambda: machine.exists("/srv/begun"))
        machine.refuse()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, out + err
    assert [(host, status) for host, (status, _) in statuses(json.loads(out)).items()] == [("lab-1", "lost")]
    assert motds(state) == []
    machine.write("/srv/quick", "")
    machine.accept()
    state.apply()
    assert motds(state) == ["lab-1"]
    assert changes(state.plan(), "lab-1") == []


def test_a_full_disk_fails_where_it_is_full_and_nowhere_else(state: StateRepo) -> None:
    full, other = state.lab["lab-1"], state.lab["lab-2"]
    full.run("mkdir -p /srv/data && mount -t tmpfs -o size=64k t /srv/data")
    other.run("mkdir -p /srv/data")
    big: dict[str, Any] = {"file": "/srv/data/big", "content": "x" * 200_000}
    state.service("data", [big, *MOTD], "lab-1", "lab-2")
    state.commit()
    run = state.apply(ok=False)
    assert "No space left on device" in statuses(run)["lab-1"][1]
    assert full.run("ls -A /srv/data").stdout == "", "no half of it"
    assert other.run("stat -c %s /srv/data/big").stdout == "200000\n"
    full.run("mount -o remount,size=10m /srv/data")
    state.apply()
    assert changes(state.plan(), "lab-1") == []


def test_a_host_without_space_for_itself_is_observed_and_refuses_changes(state: StateRepo) -> None:
    state.service("motd", MOTD, "lab-1")
    state.commit()
    state.apply()
    full = state.lab["lab-1"]
    full.run("mount -t tmpfs -o size=16k t /var/lib/reconciler && chmod 700 /var/lib/reconciler")
    full.run("dd if=/dev/zero of=/var/lib/reconciler/fill bs=4k; echo mine > /etc/motd", check=False)
    assert set(state.drift()) == {("lab-1", "file", "/etc/motd")}
    run = state.apply("--no-observe", ok=False)
    status, reason = statuses(run)["lab-1"]
    assert status == "refused"
    assert "No space left on device" in reason
    assert full.read("/etc/motd") == "mine\n"
