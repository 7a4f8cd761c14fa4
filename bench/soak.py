"""Whether anything of a daemon grows while it runs: days of commits, drift and faults on a whole fleet.

`python -m bench.soak [--quick]`. What is looked at is counted at the same hour of each day, and must be no more on the
last day than when the first runs had been forgotten. `--quick` takes a small fleet and writes nothing.
"""

from __future__ import annotations

import argparse
import gc
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.days import A_DAY, CYCLE, HINTS, KEEP, Days, emptied, resident, taken
from bench.results import machine, table, write

HOSTS, DAYS = 110_000, 4
QUICK, QUICK_DAYS = 2_000, 6
ASKED = 0.9
"""Visits for each host and cycle: intervals are a little longer by chance, and some hosts can't be reached."""
ROOM = 1.05
"""Chance makes one day a little more than another."""
TABLES = ("observation", "ownership", "content", "run", "plan", "outcome", "host_outcome", "intent", "attempt", "tick")
"""Webhooks that were seen are not among them: they are kept for a week, and have a bound of their own."""

BOUNDS: dict[str, tuple[float, float]] = {
    "memory, MB": (ROOM, 10),
    "blocks of Python": (ROOM, 2_000),
    "file descriptors": (1, 0),
    "threads": (1, 0),
    "hosts waiting to be asked": (1, 0),
    "store, MB": (ROOM, 0.5),
    "rows of the store": (ROOM, 100),
    "cache, MB": (ROOM, 0.5),
    "bytes of metrics": (ROOM, 2_000),
}
"""How much more there may be on the last day than on the settled one: times, and plus."""

Counts = dict[str, float]


@dataclass
class Soak:
    """One measurement: what was counted at the end of each cycle."""

    hosts: int
    days: int
    folder: Path
    looked: list[Counts] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> Soak:
        Days(emptied(self.folder), self.hosts, self.days * A_DAY, self._look).live()
        return self

    def _look(self, days: Days) -> None:
        gc.collect()
        self.looked.append(
            {
                "memory, MB": resident(),
                "blocks of Python": sys.getallocatedblocks(),
                "file descriptors": len(list(Path("/proc/self/fd").iterdir())),
                "threads": threading.active_count(),
                "hosts waiting to be asked": days.said.queue,
                "store, MB": (self.folder / "store.db").stat().st_size / 1e6,
                "rows of the store": sum(rows(self.folder / "store.db").values()),
                "cache, MB": taken(self.folder / "cache") / 1e6,
                "bytes of metrics": len(days.recorder.text()),
                "most hosts waiting": days.queue,
                "visits": days.crowd.asked,
                "changes": days.crowd.changed,
                "commits": days.commits,
                "runs": days.recorder.registry.get_sample_value("reconciler_apply_seconds_count") or 0,
                "troubles": days.recorder.registry.get_sample_value("reconciler_troubles_total") or 0,
                "restarts": days.restarts,
                "seconds": time.monotonic() - self._began,
            }
        )
        last = self.looked[-1]
        print(f"cycle {len(self.looked):3}:", ", ".join(f"{n} {v:,.0f}" for n, v in last.items()), flush=True)

    @property
    def settled(self) -> int:
        """The day from whose end on nothing may grow: by then the first runs were forgotten."""
        return max(1, self.days // 2)

    @property
    def by_day(self) -> list[Counts]:
        return self.looked[A_DAY - 1 :: A_DAY]

    def wrong(self) -> list[str]:
        """What has grown, and what has not happened."""
        settled, last = self.by_day[self.settled - 1], self.by_day[-1]
        found = [
            f"{what} grew from {settled[what]:,.1f} to {last[what]:,.1f}"
            for what, (times, plus) in BOUNDS.items()
            if last[what] > settled[what] * times + plus
        ]
        if any(counted["hosts waiting to be asked"] for counted in self.looked):
            found.append("hosts still waited to be asked at the end of a cycle")
        if last["visits"] < ASKED * self.hosts * len(self.looked):
            found.append(f"{last['visits']:,.0f} visits are fewer than there should be")
        for what in ("runs", "changes", "commits", "restarts"):
            if any(after[what] <= before[what] for before, after in pairwise(self.by_day)):
                found.append(f"a day went by without {what}")
        return found if last["troubles"] else [*found, "nothing ever failed"]

    def report(self) -> str:
        """The section of the results."""
        first, settled, last = self.by_day[0], self.by_day[self.settled - 1], self.by_day[-1]
        bars = []
        for what, (times, plus) in BOUNDS.items():
            most = settled[what] * times + plus
            shown = [f"{counted[what]:,.0f}" for counted in (first, settled, last)]
            bars.append((what, *shown, f"{most:,.0f}", "met" if last[what] <= most else "missed"))
        hours = CYCLE.total_seconds() / 3600
        return "\n\n".join(
            [
                "## A daemon that runs for days",
                machine(("reconciler", "pygit2", "sqlalchemy")) + ".",
                f"The daemon's own loop over {self.hosts:,} made-up hosts behind the carrier's port, on a real "
                f"repository and a real SQLite store, for {self.days} days of a time of its own: Git every "
                f"hour, each host every {hours:.0f} hours, runs remembered for "
                f"{KEEP.days} day. In each of {len(self.looked)} cycles two commits, drift on one host in 2,000, "
                f"one in 200 away, hosts that break off or fail, Git and the store failing for a while, {HINTS} "
                "webhooks; "
                f"a restart each day. In all {last['visits']:,.0f} visits, {last['changes']:,.0f} changes in "
                f"{last['runs']:,.0f} runs; it took {last['seconds'] / 60:.1f} minutes. At most "
                f"{max(c['most hosts waiting'] for c in self.looked):,.0f} hosts waited to be asked.",
                table(("at the end of", "day 1", f"day {self.settled}", f"day {self.days}", "at most", ""), bars),
            ]
        )


def rows(store: Path) -> dict[str, int]:
    """How many each table has."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="check the counts on a small fleet; write nothing")
    parser.add_argument("--hosts", type=int, default=0)
    parser.add_argument("--days", type=int, default=0)
    given = parser.parse_args()
    hosts, days = (QUICK, QUICK_DAYS) if given.quick else (HOSTS, DAYS)
    # In memory: it is not measured how long a disk takes.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        soak = Soak(given.hosts or hosts, given.days or days, Path(folder, "soak")).run()
    wrong = soak.wrong()
    text = soak.report()
    print(text)
    if not given.quick:
        write("soak", text)
    print("\n".join(wrong) or "nothing grows")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
