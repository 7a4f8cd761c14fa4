"""What breaks in the middle of a rollout on real machines: reboots, sshd, full disks, dead connections, our own death.

Every machine keeps its own log of what was begun and what was done: nothing that was done is done again.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab import Machine
from tests.machines.relay import Relay
from tests.machines.state import StateRepo, changes, results, statuses
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.machines

LOG = "/var/log/work"
STAMP = "$(cut -d' ' -f1 /proc/uptime)"
FIRST = f'set -e; echo "first {STAMP}" >> {LOG}; touch /srv/first'
"""The times are by the one clock that all machines of a lab have."""
SECOND = (
    f'set -e; echo "begun {STAMP}" >> {LOG}; test ! -e /srv/bad; while test -e /srv/hold; do sleep 0.1; done; '
    f'echo "done {STAMP}" >> {LOG}; touch /srv/second'
)
"""Fails on machines with a file /srv/bad, takes as long as there is /srv/hold."""
WORK = [
    {"command": "first", "run": FIRST, "shell": True, "creates": "/srv/first"},
    {"command": "second", "run": SECOND, "shell": True, "creates": "/srv/second", "requires": ["command/first"]},
]
WHOLE = ["first", "begun", "done"]


def log(machine: Machine) -> list[tuple[str, float]]:
    """What was begun and done on a machine, and when."""
    lines = machine.read(LOG).splitlines() if machine.exists(LOG) else []
    return [(what, float(at)) for what, at in map(str.split, lines)]


def did(machine: Machine) -> list[str]:
    return [what for what, _ in log(machine)]


def each(state: StateRepo) -> dict[str, list[str]]:
    return {machine.name: did(machine) for machine in state.lab.machines}


def work(state: StateRepo, **rollout: Any) -> None:
    state.service("work", WORK, rollout=rollout)
    state.commit()


def at_work(machine: Machine) -> bool:
    return machine.on and "begun" in did(machine)


def names_of(run: Mapping[str, Any], *wanted: str) -> list[str]:
    """The hosts with one of these statuses."""
    return sorted(host for host, (status, _) in statuses(run).items() if status in wanted)


def test_a_machine_that_reboots_is_caught_up_and_the_others_go_on(state: StateRepo) -> None:
    rebooted = state.lab["lab-2"]
    rebooted.write("/srv/hold", "")
    work(state, canary=1, batches=[3, "100%"], maxFailures=1)
    with state.start("apply", "--yes", "--output", "json") as process:
        until(lambda: at_work(rebooted))
        rebooted.kill()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, out + err
    assert names_of(json.loads(out), "lost", "skipped") == ["lab-2"]
    rebooted.start()
    assert each(state) == {"lab-1": WHOLE, "lab-2": ["first", "begun"], "lab-3": WHOLE, "lab-4": WHOLE}

    rebooted.run("rm /srv/hold")
    run = state.apply()
    assert results(run, "lab-2") == {("create", "command", "second"): "changed"}
    assert each(state) == {"lab-1": WHOLE, "lab-2": ["first", "begun", "begun", "done"], "lab-3": WHOLE, "lab-4": WHOLE}


@pytest.mark.parametrize("budget", [1, 0])
def test_sshd_that_stops_uses_up_the_budget(state: StateRepo, budget: int) -> None:
    cut = state.lab["lab-2"]
    cut.write("/srv/hold", "")
    work(state, canary=1, batches=["100%"], maxFailures=budget, maxUnavailable=1)
    with state.start("apply", "--yes", "--output", "json") as process:
        until(lambda: at_work(cut))
        cut.refuse()
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, out + err
    run = json.loads(out)
    assert names_of(run, "lost") == ["lab-2"]
    others = each(state)
    if budget:
        assert (run["status"], names_of(run, "skipped")) == ("failed", [])
        assert (others["lab-3"], others["lab-4"]) == (WHOLE, WHOLE)
    else:
        assert (run["status"], names_of(run, "skipped")) == ("halted", ["lab-3", "lab-4"])
        assert "1 host failed (lab-2), and none may (maxFailures)" in statuses(run)["lab-3"][1]
        assert (others["lab-3"], others["lab-4"]) == ([], [])

    cut.run("rm /srv/hold")
    cut.accept()
    state.apply("--again")
    assert {name: [w for w in what if w != "begun"] for name, what in each(state).items()} == {
        machine.name: ["first", "done"] for machine in state.lab.machines
    }
    assert_one_at_a_time(state, but=cut)


def assert_one_at_a_time(state: StateRepo, but: Machine) -> None:
    """maxUnavailable, as the machines themselves saw it."""
    spans = sorted((log(m)[0][1], log(m)[-1][1]) for m in state.lab.machines if m is not but)
    for (_, ended), (begun, _) in itertools.pairwise(spans):
        assert ended <= begun


def test_full_disks_are_within_the_budget_and_the_others_converge(state: StateRepo) -> None:
    full, fuller = state.lab["lab-2"], state.lab["lab-3"]
    for machine in state.lab.machines:
        machine.run("mkdir -p /srv/data /var/lib/reconciler && chmod 700 /var/lib/reconciler")
    full.run("mount -t tmpfs -o size=64k t /srv/data")
    state.service(
        "data",
        [{"file": "/srv/data/big", "content": "x" * 200_000}, *WORK],
        rollout={"canary": 1, "batches": ["100%"], "maxFailures": 2},
    )
    state.commit()
    state.plan("--out", str(state.folder / "plan.json"))
    fuller.run("mount -t tmpfs -o size=16k t /var/lib/reconciler && chmod 700 /var/lib/reconciler")
    fuller.run("dd if=/dev/zero of=/var/lib/reconciler/fill bs=4k", check=False)
    run = state.apply(str(state.folder / "plan.json"), ok=False)
    assert {host: status for host, (status, _) in statuses(run).items()} == {"lab-2": "failed", "lab-3": "refused"}
    for _, reason in statuses(run).values():
        assert "No space left on device" in reason
    assert each(state) == {"lab-1": WHOLE, "lab-2": [], "lab-3": [], "lab-4": WHOLE}

    full.run("mount -o remount,size=10m /srv/data")
    fuller.run("umount /var/lib/reconciler")
    state.apply()
    assert each(state) == {machine.name: WHOLE for machine in state.lab.machines}


def test_a_connection_that_goes_dead_is_lost_and_what_was_done_there_is_found(state: StateRepo) -> None:
    dead = state.lab["lab-2"]
    dead.write("/srv/hold", "")
    with Relay(dead.address, dead.port) as relay:
        state.host("lab-2", port=relay.port)
        known = state.folder / "known_hosts"
        known.write_text(state.lab.known_hosts.read_text() + f"[{dead.address}]:{relay.port} {dead.host_key}\n")
        state.settings |= {"known_hosts_file": str(known), "connect_timeout": 5, "host_timeout": 20, "dead_after": 6}
        work(state, canary=1, batches=[3, "100%"], maxFailures=1)
        with state.start("apply", "--yes", "--output", "json") as process:
            until(lambda: at_work(dead))
            relay.hang()
            # The machine knows nothing of that, and ends what it was at.
            dead.run("rm /srv/hold")
            until(lambda: did(dead) == WHOLE)
            out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, out + err
        run = json.loads(out)
        assert names_of(run, "lost", "skipped") == ["lab-2"], run["hosts"]
        assert each(state) == {machine.name: WHOLE for machine in state.lab.machines}

        relay.go_on()
        said = state.run("apply", "--yes")
        assert said.code == 0, said
        assert changes(state.plan("--no-observe"), "lab-2") == []
    assert each(state) == {machine.name: WHOLE for machine in state.lab.machines}, "nothing was done twice"


def test_a_rollout_whose_process_is_killed_goes_on_with_its_batches_and_its_budget(state: StateRepo) -> None:
    bad, held, last = (state.lab[name] for name in ("lab-2", "lab-3", "lab-4"))
    bad.write("/srv/bad", "")
    held.write("/srv/hold", "")
    last.write("/srv/bad", "")
    work(state, batches=[2, "100%"], maxFailures=1, maxUnavailable=1)
    with state.start("apply", "--yes") as process:
        until(lambda: at_work(held))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert state.run("runs", "show", "1", "--output", "json").json["status"] == "running"
    assert did(last) == [], "it was its turn after lab-3"

    held.run("rm /srv/hold")
    until(lambda: "done" in did(held))
    said = state.run("apply", "--yes")
    assert said.code == 1, said
    assert "run 1 " in said.err
    assert "1 host was asked again: 1 done" in said.err
    assert "where it was interrupted" in said.err
    # The first of the two failed before the process was killed.
    assert "2 hosts failed (lab-2 and lab-4), and 1 may (maxFailures)" in said.err, said
    shown = [state.run("runs", "show", run, "--output", "json").json for run in ("1", "2")]
    assert [run["status"] for run in shown] == ["interrupted", "halted"]
    assert len({run["plan"] for run in shown}) == 1
    broken = ["first", "begun"]
    assert each(state) == {"lab-1": WHOLE, "lab-2": broken, "lab-3": WHOLE, "lab-4": broken}

    for machine in (bad, last):
        machine.run("rm /srv/bad")
    state.apply("--again")
    assert each(state) == {
        "lab-1": WHOLE,
        "lab-2": [*broken, *WHOLE[1:]],
        "lab-3": WHOLE,
        "lab-4": [*broken, *WHOLE[1:]],
    }
