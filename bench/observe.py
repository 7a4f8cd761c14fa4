"""Looking at hosts over SSH: fifty files each, with each carrier, some hosts slow or silent; and writing it all down.

`python -m bench.observe` as root; `--quick` checks counts on a few hosts and times nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2

from bench import hosts, peers, results, sweep
from bench.fleet import commit
from bench.hosts import Hosts, NotPossible
from bench.measure import Cost, Failed, cost
from bench.peers import Job

HOSTS, FEWER = 1000, 100
WHAT = """\
Fifty files a host: content, owner, group and mode. Columns as above; largest: the memory of the largest process; last:
when the last host had answered that does. Of the thousand hosts of the row `some silent` 20 take five seconds before
they do anything, and there are 40 more, first in the list, that take a connection and then say nothing, or no more
than that they speak SSH. `reconciler observe` is the whole command: Git, hosts, store."""


@dataclass(frozen=True)
class Row:
    """One look at many hosts. `last` is in seconds, None where it is not known."""

    who: str
    visit: str
    cost: Cost
    last: float | None

    @property
    def each(self) -> float:
        """Milliseconds of the controller's CPU for a host."""
        return 1000 * self.cost.controller / self.cost.count

    def cells(self) -> list[str]:
        c = self.cost
        return [
            self.who,
            self.visit,
            str(c.count),
            f"{c.controller:.1f}",
            f"{self.each:.1f}",
            f"{1000 * c.targets / c.count:.0f}",
            f"{c.machine:.1f}",
            f"{c.wall:.1f}",
            "" if self.last is None else f"{self.last:.1f}",
            f"{c.memory / 1e6:.0f}",
            f"{c.commands / c.count:.2f}",
            f"{c.data / c.count / 1000:.0f}",
        ]


def sweeps(fleet: Hosts, way: str, count: int) -> Iterator[Row]:
    """The first look ever, and the next."""
    peers.forget(fleet)
    for visit in ("cold", "warm"):
        yield _look(fleet, (way, visit), count, "look")


def _look(fleet: Hosts, named: tuple[str, str], count: int, job: str) -> Row:
    who, visit = named
    measured = cost(fleet, count, peers.ours(fleet, Job(count, 0, job, "-"), who))
    last = float((fleet.base / "output").read_text().rpartition("last ")[2])
    row = Row(who, visit, measured, last)
    print(f"{who:10} {visit:12} {count:5} hosts: {row.each:.1f} ms of the controller a host, last {last} s", flush=True)
    return row


def disturbed(fleet: Hosts, count: int) -> Row:
    """A warm look at hosts of which some take their time, beside others that never answer."""
    fleet.slow_down(fleet.addresses(count)[:: max(1, count // hosts.SILENT_EACH)])
    try:
        with hosts.silent():
            return _look(fleet, ("fan-out", "some silent"), count, "silent")
    finally:
        fleet.slow_down(())


def whole_command(fleet: Hosts, count: int) -> Row:
    """`reconciler observe`, with a state repository of these hosts and one service."""
    repository = pygit2.init_repository(str(fleet.base / "state"), bare=True, initial_head="main")
    text = "---\n".join(
        f"apiVersion: reconciler/v1\nkind: Host\nmetadata: {{name: h{number}, labels: {{role: web}}}}\n"
        f"spec: {{address: {at}, port: {hosts.PORT}}}\n"
        for number, at in enumerate(fleet.addresses(count))
    )
    files = "".join(
        f"    - {{file: /etc/bench/{number}.conf, content: {json.dumps(hosts.content(number))}, mode: '0644'}}\n"
        for number in range(hosts.FILES)
    )
    service = (
        "apiVersion: reconciler/v1\nkind: Service\nmetadata: {name: web}\n"
        f"spec:\n  owner: team\n  hosts: {{matchLabels: {{role: web}}}}\n  resources:\n{files}"
    )
    commit(repository, {"hosts.yaml": text, "web.yaml": service}, "state")
    base = fleet.base
    settings = base / "reconciler.toml"
    settings.write_text(
        f'repo = "{base}/state"\nstore = "{base}/store.db"\ncache_dir = "{base}/cache"\n[ssh]\nuser = "root"\n'
        f'private_key_file = "{base}/key"\nknown_hosts_file = "{base}/known_hosts"\nconfig_file = "/dev/null"\n'
    )
    program = str(Path(sys.executable).parent / "reconciler")
    words = [program, "observe", "--config", str(settings), "--no-color"]
    cost(fleet, count, words)  # now everything is known, as it is on any day but the first
    row = Row("reconciler observe", "warm", cost(fleet, count, words), None)
    print(f"{row.who} {count} hosts: {row.each:.1f} ms of the controller a host", flush=True)
    return row


def measured(fleet: Hosts) -> list[Row]:
    rows = [*sweeps(fleet, "standard", FEWER), *sweeps(fleet, "fan-out", FEWER), *sweeps(fleet, "fan-out", HOSTS)]
    return [*rows, disturbed(fleet, HOSTS), whole_command(fleet, HOSTS)]


def report(rows: list[Row], writing: str) -> str:
    by = {(row.who, row.visit, row.cost.count): row for row in rows}
    cold, warm = by["fan-out", "cold", HOSTS], by["fan-out", "warm", HOSTS]
    slow, whole = by["fan-out", "some silent", HOSTS], by["reconciler observe", "warm", HOSTS]
    few = by["fan-out", "warm", FEWER]
    bars = [
        *((f"fan-out, ms a host at {HOSTS}, {row.visit}", row.each, 15.0) for row in (cold, warm)),
        ("`reconciler observe`, ms a host", whole.each, 15.0),
        ("some silent: when the last good host had answered, against none silent", _ratio(slow, warm), 1.5),
        ("memory of the largest process: 1,000 hosts : 100", warm.cost.memory / few.cost.memory, 2.0),
    ]
    heads = ("carrier", "visit", "hosts", "controller s", "ms a host", "target ms", "machine s", "wall s", "last s")
    return "\n\n".join(
        [
            "## Observing over SSH",
            results.machine(("ansible-core", "asyncssh")) + ".",
            WHAT,
            results.table((*heads, "largest MB", "commands", "kB a host"), [row.cells() for row in rows]),
            results.table(
                ("ratio", "measured", "at most", ""),
                [(name, f"{value:.2f}", f"{bar:g}", "met" if value <= bar else "missed") for name, value, bar in bars],
            ),
            writing,
        ]
    )


def _ratio(disturbed: Row, calm: Row) -> float:
    """Without the slowness of the hosts themselves, which is not ours."""
    return max(0.0, (disturbed.last or 0) - hosts.SLOWNESS) / (calm.last or 1)


def quick(fleet: Hosts) -> list[str]:
    """What is wrong with the counts."""
    rows = [row for way in ("standard", "fan-out") for row in sweeps(fleet, way, fleet.count)]
    rows += [disturbed(fleet, fleet.count), whole_command(fleet, fleet.count)]
    return [
        f"{row.who} {row.visit}: {row.cost.commands} commands on {row.cost.count} hosts"
        for row in rows
        if (row.cost.commands, row.cost.most_commands) != (row.cost.count, 1)
    ] + sweep.quick()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="check the counts on four hosts; time nothing")
    options = parser.parse_args()
    try:
        hosts.enter("bench.observe")
        with hosts.hosts(4 if options.quick else HOSTS) as fleet:
            if options.quick:
                wrong = quick(fleet)
                print("\n".join(wrong) or "one command a host and look; of equal answers one is written, then none")
                return 1 if wrong else 0
            rows = measured(fleet)
        text = report(rows, sweep.report())
    except (NotPossible, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    print(text)
    results.write("observe", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
