"""Applying changes to hosts over SSH: plain Ansible, ours with each carrier, pyinfra, and the least that ssh costs.

`python -m bench.apply` as root; `--quick` checks counts on a few hosts and times nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import hosts, peers, results
from bench.hosts import Hosts, NotPossible
from bench.measure import Cost, Failed, cost
from bench.peers import Job

NAME = "bench.apply"
HOSTS, FEWER, MORE = 50, 10, 200
WHAT = """\
Directories with a mode, all of them changed at each visit. Cold: no connection kept and no code on the hosts; warm: the
next visit. Kept: with `ssh.keep_connections`, as plain Ansible has it here. Controller: user + system time of the
command, of what it started, and of the ssh processes that it leaves for the next. Target: of the server's sessions.
Machine: all that was busy meanwhile, other work on it included."""
BARS = """\
Bars, at ten changes: one command a host and step; standard ≤ 1/6 of plain Ansible warm and ≤ 1/3 cold; fan-out ≤ 15 ms
for each further host, ≤ 1/25 of plain Ansible cold, ≤ 1/3 of pyinfra; both ends ≤ 1/9 of plain Ansible cold and
≤ 1.5 × pyinfra warm; thirty changes ≤ 1.5 × the controller's CPU of three."""


@dataclass(frozen=True)
class Row:
    """One program's cost for one job."""

    program: str
    visit: str
    changes: int
    cost: Cost

    @property
    def each(self) -> float:
        """Milliseconds of the controller's CPU for a host, start-up shared among all."""
        return 1000 * self.cost.controller / self.cost.count

    @property
    def ends(self) -> float:
        return 1000 * self.cost.ends / self.cost.count


Run = Callable[[Job], Cost]


def programs(fleet: Hosts, pyinfra: Path | None = None) -> dict[str, Run]:
    """What is measured, by name; pyinfra where it is."""
    found: dict[str, Run] = {
        "plain Ansible": lambda job: cost(fleet, job.count, *peers.plain_ansible(fleet, job)),
        "standard": lambda job: cost(fleet, job.count, peers.ours(fleet, job, "standard")),
        "standard, kept": lambda job: cost(fleet, job.count, peers.ours(fleet, job, "standard, kept")),
        "fan-out": lambda job: cost(fleet, job.count, peers.ours(fleet, job, "fan-out")),
    }
    if pyinfra is not None:
        found["pyinfra"] = lambda job: cost(fleet, job.count, peers.pyinfra(fleet, job, pyinfra))
    return found


def visits(fleet: Hosts, program: str, run: Run, count: int, changes: int) -> Iterator[Row]:
    """The first visit ever, and the next."""
    peers.forget(fleet)
    name = re.sub(r"\W+", "-", f"{program}-{count}-{changes}")
    for visit, mode in (("cold", "0755"), ("warm", "0750")):
        row = Row(program, visit, changes, run(Job(count, changes, name, mode)))
        print(f"{program:14} {visit:5} {count:4} hosts {changes:3} changes: {row.each:6.1f} ms", flush=True)
        yield row


def measured(fleet: Hosts, pyinfra: Path | None) -> list[Row]:
    rows: list[Row] = []
    found = programs(fleet, pyinfra)
    for program, run in found.items():
        rows += visits(fleet, program, run, HOSTS, 10)
        for changes in (1, 30):
            rows += visits(fleet, program, run, FEWER, changes)
    for changes in (3, 30):
        for way in ("standard", "fan-out"):
            rows += visits(fleet, way, found[way], HOSTS, changes)
    for program in ("fan-out", "pyinfra"):
        if program in found:
            rows += visits(fleet, program, found[program], MORE, 10)
    floor = Job(HOSTS, 0, "", "")
    return [*rows, Row("ssh host true", "cold", 0, cost(fleet, HOSTS, peers.floor(fleet, floor)))]


def _line(row: Row) -> list[str]:
    c = row.cost
    return [
        row.program,
        row.visit,
        str(c.count),
        str(row.changes),
        f"{c.controller:.1f}",
        f"{row.each:.0f}",
        f"{1000 * c.targets / c.count:.0f}",
        f"{c.machine:.1f}",
        f"{c.wall:.1f}",
        f"{c.commands / c.count:.1f}",
        f"{c.data / c.count / 1000:.0f}",
    ]


def _ratios(rows: list[Row]) -> Iterator[tuple[str, float, float]]:
    """What was asked for: in words, the figure, the bar (at most)."""
    by = {(r.program, r.visit, r.cost.count, r.changes): r for r in rows}

    def at(program: str, visit: str, count: int = HOSTS, changes: int = 10) -> Row:
        return by[(program, visit, count, changes)]

    plain = at("plain Ansible", "cold")
    # Like with like: plain Ansible keeps its connections for the next visit.
    yield (
        "standard, kept : plain Ansible, warm",
        at("standard, kept", "warm").each / at("plain Ansible", "warm").each,
        1 / 6,
    )
    yield "standard : plain Ansible, cold", at("standard", "cold").each / plain.each, 1 / 3
    further = at("fan-out", "warm", MORE).cost.controller - at("fan-out", "warm").cost.controller
    yield "fan-out, ms for each further host, warm", 1000 * further / (MORE - HOSTS), 15
    further = at("fan-out", "cold", MORE).cost.controller - at("fan-out", "cold").cost.controller
    yield "fan-out, ms for each further host, cold", 1000 * further / (MORE - HOSTS), 15
    yield "fan-out (200 hosts) : plain Ansible, cold, a host", at("fan-out", "cold", MORE).each / plain.each, 1 / 25
    yield "fan-out : plain Ansible, cold, both ends", at("fan-out", "cold").ends / plain.ends, 1 / 9
    if ("pyinfra", "warm", HOSTS, 10) in by:
        pyinfra = at("pyinfra", "warm")
        yield (
            "fan-out : pyinfra, warm, 200 hosts",
            at("fan-out", "warm", MORE).each / at("pyinfra", "warm", MORE).each,
            1 / 3,
        )
        yield "fan-out : pyinfra, warm, both ends", at("fan-out", "warm").ends / pyinfra.ends, 1.5
    for way in ("standard", "fan-out"):
        thirty, three = at(way, "warm", HOSTS, 30), at(way, "warm", HOSTS, 3)
        yield f"{way}: 30 changes : 3 changes, controller", thirty.each / three.each, 1.5


def _report(rows: list[Row]) -> str:
    heads = ("program", "visit", "hosts", "changes", "controller s", "ms a host", "target ms", "machine s", "wall s")
    ratios = [
        (
            name,
            f"{value:.3f}" if value < 1 else f"{value:.1f}",
            f"{bar:.3f}" if bar < 1 else f"{bar:g}",
            _met(value, bar),
        )
        for name, value, bar in _ratios(rows)
    ]
    return "\n\n".join(
        [
            "## Applying changes over SSH",
            results.machine(("ansible-core", "asyncssh")) + f"; {peers.PYINFRA.replace('==', ' ')}.",
            WHAT,
            results.table((*heads, "commands", "kB a host"), map(_line, rows)),
            BARS,
            results.table(("ratio", "measured", "at most", ""), ratios),
        ]
    )


def _met(value: float, bar: float) -> str:
    return "met" if value <= bar else "missed"


def quick(fleet: Hosts) -> list[str]:
    """What is wrong with the counts: commands for each host, and bytes of a second visit."""
    wrong = []
    for way in ("standard", "fan-out"):
        cold, warm = (row.cost for row in visits(fleet, way, programs(fleet)[way], fleet.count, 3))
        for name, counted in (("cold", cold), ("warm", warm)):
            if (counted.commands, counted.most_commands) != (fleet.count, 1):
                wrong.append(f"{way} {name}: {counted.commands} commands on {fleet.count} hosts")
        code = max(path.stat().st_size for path in (fleet.base / "cache/bundles").iterdir())
        if warm.data >= cold.data - code * fleet.count // 2:
            wrong.append(f"{way}: the second visit took {warm.data} bytes, the first {cold.data}: code travelled again")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="check the counts on four hosts; time nothing")
    parser.add_argument("--pyinfra", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        if not hosts.inside() and not options.quick:  # it is installed before the network is left behind
            sys.argv += [f"--pyinfra={peers.pyinfra_environment() or ''}"]
        hosts.enter(NAME)
        pyinfra = Path(options.pyinfra) if options.pyinfra else None
        with hosts.hosts(4 if options.quick else MORE) as fleet:
            if options.quick:
                wrong = quick(fleet)
                print("\n".join(wrong) or "one command a host and visit; a second visit sends no code")
                return 1 if wrong else 0
            report = _report(measured(fleet, pyinfra))
    except (NotPossible, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    results.write("apply", report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
