"""The daemon on real machines: it rolls out by itself, heals, stops when told to, and goes on after it was killed.

Every machine keeps its own log of what was begun and done there, and when: that is what is believed.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.daemon import Served
from tests.lab import Machine
from tests.machines.state import StateRepo
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.machines

LOG = "/var/log/work"
HEALED, LEFT = "/etc/healed.conf", "/etc/left.conf"
BATCHES = (("lab-1",), ("lab-2",), ("lab-3", "lab-4"))


def release(state: StateRepo, version: str) -> None:
    """Commits a version, whose work says when it begins and ends, and takes as long as there is /srv/hold."""
    stamp = "$(cut -d' ' -f1 /proc/uptime)"
    work = (
        f'set -e; echo "{version}-begun {stamp}" >> {LOG}; while test -e /srv/hold; do sleep 0.1; done; '
        f'echo "{version}-done {stamp}" >> {LOG}; touch /srv/{version}'
    )
    state.service(
        "work",
        [{"command": version, "run": work, "shell": True, "creates": f"/srv/{version}"}],
        sync="auto",
        rollout={"canary": 1, "batches": ["50%", "100%"]},
    )
    state.service("healed", [{"file": HEALED, "content": "ours\n"}], sync="auto", heal="auto")
    state.service("left", [{"file": LEFT, "content": "ours\n"}], sync="auto")
    state.commit(version)


def log(machine: Machine) -> dict[str, float]:
    """What was begun and done on a machine, and when, by the one clock that all machines of a lab have."""
    lines = machine.read(LOG).splitlines() if machine.exists(LOG) else []
    notes = [(what, float(at)) for what, at in map(str.split, lines)]
    assert len(notes) == len(dict(notes)), f"something was done twice on {machine.name}: {lines}"
    return dict(notes)


def everywhere(state: StateRepo, what: str) -> Callable[[], bool]:
    return lambda: all(what in log(machine) for machine in state.lab.machines)


def assert_in_batches(state: StateRepo, version: str) -> None:
    logs = {machine.name: log(machine) for machine in state.lab.machines}
    for before, after in itertools.pairwise(BATCHES):
        ended = max(logs[host][f"{version}-done"] for host in before)
        assert ended <= min(logs[host][f"{version}-begun"] for host in after)


@contextmanager
def serving(state: StateRepo) -> Iterator[Served]:
    """A daemon that looks often; killed at the end if it still runs."""
    said = state.folder / f"serve-{len(list(state.folder.glob('serve-*')))}.log"
    options = ("--listen", "127.0.0.1:0", "--poll-interval", "1s", "--observe-interval", "8s")
    with state.start("serve", *options, log=said) as process:
        daemon = Served(process, said)  # type: ignore[arg-type]  # nobody reads its output
        try:
            until(lambda: "listening" in said.read_text() or process.poll() is not None)
            yield daemon
        except BaseException:
            print(said.read_text())
            raise
        finally:
            if process.poll() is None:
                process.kill()


def runs(state: StateRepo) -> list[str]:
    """How the daemon's runs ended, the oldest first."""
    found = state.run("runs", "--output", "json").json["runs"]
    assert {run["actor"] for run in found} == {"reconciler@serve"}
    return [run["status"] for run in reversed(found)]


def idle(daemon: Served) -> Callable[[], bool]:
    return lambda: daemon.ready()["applying"] == []


def test_it_rolls_out_heals_and_does_nothing_while_it_is_paused(state: StateRepo) -> None:
    release(state, "v1")
    with serving(state) as daemon:
        until(everywhere(state, "v1-done"))
        assert_in_batches(state, "v1")
        until(idle(daemon))

        changed = state.lab["lab-3"]
        for path in (LEFT, HEALED):
            changed.write(path, "by hand\n")
        until(lambda: changed.read(HEALED) == "ours\n")
        until(lambda: daemon.metric('reconciler_resources{project="",service="left",state="drift"}') == 1)
        assert changed.read(LEFT) == "by hand\n"
        assert [key for key in state.drift() if key[0] == "lab-3"] == [("lab-3", "file", LEFT)]

        assert state.run("pause", "--reason", "look first").code == 0
        release(state, "v2")
        until(lambda: daemon.metric('reconciler_resources{project="",service="work",state="pending"}') == 4)
        waiting = {each["service"]: each["why"] for each in daemon.ready()["waiting"]}
        assert "look first" in waiting["work"]
        assert not any("v2-begun" in log(machine) for machine in state.lab.machines)
        assert state.run("resume", "--reason", "seen").code == 0
        until(everywhere(state, "v2-done"))
        assert_in_batches(state, "v2")
        assert daemon.end() == 0
    assert set(runs(state)) == {"succeeded"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_under_way_when_it_ended_goes_on_and_nothing_is_done_twice(state: StateRepo, number: int) -> None:
    held = state.lab["lab-2"]
    held.write("/srv/hold", "")
    release(state, "v1")
    with serving(state) as daemon:
        until(lambda: "v1-begun" in log(held))
        os.kill(daemon.process.pid, number)
        if number == signal.SIGKILL:
            daemon.process.wait(PATIENCE)
        held.run("rm /srv/hold")
        assert daemon.process.wait(PATIENCE) == (0 if number == signal.SIGTERM else -number)
    until(lambda: "v1-done" in log(held))
    assert [name for batch in BATCHES[2:] for name in batch if log(state.lab[name])] == [], "it was not their turn"
    with serving(state) as daemon:
        until(everywhere(state, "v1-done"))
        until(idle(daemon))
        assert daemon.end() == 0
    assert_in_batches(state, "v1")
    assert runs(state)[:2] == ["stopped" if number == signal.SIGTERM else "interrupted", "succeeded"]
