"""What a command costs: processor time on both ends, time, commands and bytes. Knows hosts; must not know what runs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import hosts
from bench.hosts import Hosts

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of one command for `count` hosts. Seconds, except for counts and bytes."""

    count: int
    controller: float
    targets: float
    machine: float
    wall: float
    commands: int
    most_commands: int
    data: int
    memory: int

    @property
    def ends(self) -> float:
        """Both ends together: what the machine spent on it, whatever else it was doing."""
        return self.controller + self.targets


class Failed(Exception):
    """The command did not do what was measured."""


def cost(fleet: Hosts, count: int, command: list[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command and count. Raises Failed when it fails."""
    fleet.reset()
    data, machine, began = hosts.carried_bytes(), _machine(), time.monotonic()
    targets, lasting = fleet.seconds(), _lasting()
    with (fleet.base / "output").open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    _settle(fleet)
    if child.returncode != 0:
        raise Failed(f"{' '.join(command[:4])} … ended with {child.returncode}:\n{_tail(fleet.base / 'output')}")
    commands = fleet.commands()
    return Cost(
        count,
        usage.ru_utime + usage.ru_stime + _lasting() - lasting,
        fleet.seconds() - targets,
        _machine() - machine,
        wall,
        sum(commands.values()),
        max(commands.values(), default=0),
        hosts.carried_bytes() - data,
        usage.ru_maxrss * 1024,
    )


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:]


def _machine() -> float:
    """Seconds that all processors have been busy."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, _ = fields
    return (user + nice + system + irq + softirq) / TICKS


def _lasting() -> float:
    """Seconds of the ssh processes that outlive a command, to be used by the next: they have become our children."""
    ours = os.getpid()
    return sum(hosts.used(pid) for pid, (parent, name) in hosts.processes().items() if (parent, name) == (ours, "ssh"))


def _settle(fleet: Hosts) -> None:
    """Until the server's sessions have ended, so that what they used is known."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        hosts.reap({fleet.server.pid})
        busy = fleet.busy()
        time.sleep(0.2)
        if not busy:
            return
