"""Looking at hosts over SSH: fifty resources each, with each carrier; who hangs must not hold the others.

`python -m bench.observe` as root; `--quick` checks counts on a few hosts and times nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from bench import hosts, peers, results
from bench.hosts import Hosts, NotPossible
from bench.measure import Cost, Failed, cost
from bench.peers import Job

HOSTS, FEWER = 1000, 100


def sweeps(fleet: Hosts, way: str, count: int) -> Iterator[tuple[str, Cost]]:
    """The first look ever, and the next."""
    peers.forget(fleet)
    for visit in ("cold", "warm"):
        yield visit, cost(fleet, count, peers.ours(fleet, Job(count, 0, "look", "-"), way))


def _line(way: str, visit: str, c: Cost) -> list[str]:
    return [
        way,
        visit,
        str(c.count),
        f"{c.controller:.1f}",
        f"{1000 * c.controller / c.count:.1f}",
        f"{1000 * c.targets / c.count:.0f}",
        f"{c.machine:.1f}",
        f"{c.wall:.1f}",
        f"{c.memory / 1e6:.0f}",
        f"{c.commands / c.count:.2f}",
        f"{c.data / c.count / 1000:.0f}",
    ]


def report(fleet: Hosts) -> str:
    lines, last = [], {}
    for way, count in (("standard", FEWER), ("fan-out", FEWER), ("fan-out", HOSTS)):
        for visit, measured in sweeps(fleet, way, count):
            lines.append(_line(way, visit, measured))
            last[visit] = 1000 * measured.controller / count
            print(f"{way:10} {visit} {count:5} hosts: {last[visit]:.1f} ms of the controller a host", flush=True)
    heads = ("carrier", "visit", "hosts", "controller s", "ms a host", "target ms", "machine s", "wall s", "largest MB")
    bars = [(f"fan-out, ms a host at {HOSTS}, {visit}", f"{last[visit]:.1f}", "15") for visit in ("cold", "warm")]
    return "\n\n".join(
        [
            "## Observing over SSH",
            results.machine(("ansible-core", "asyncssh")) + ".",
            "Fifty files a host: content, owner, group and mode. Columns as above; largest: the memory of the largest "
            "process.",
            results.table((*heads, "commands", "kB a host"), lines),
            results.table(
                ("ratio", "measured", "at most", ""),
                [(*bar, "met" if float(bar[1]) <= float(bar[2]) else "missed") for bar in bars],
            ),
        ]
    )


def quick(fleet: Hosts) -> list[str]:
    """What is wrong with the counts."""
    return [
        f"{way} {visit}: {measured.commands} commands on {measured.count} hosts"
        for way in ("standard", "fan-out")
        for visit, measured in sweeps(fleet, way, fleet.count)
        if (measured.commands, measured.most_commands) != (fleet.count, 1)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="check the counts on four hosts; time nothing")
    options = parser.parse_args()
    try:
        hosts.enter("bench.observe")
        with hosts.hosts(4 if options.quick else HOSTS) as fleet:
            if options.quick:
                wrong = quick(fleet)
                print("\n".join(wrong) or "one command a host and look")
                return 1 if wrong else 0
            text = report(fleet)
    except (NotPossible, Failed) as error:
        print(error, file=sys.stderr)
        return 1
    print(text)
    results.write("observe", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
