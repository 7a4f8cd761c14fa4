"""Writing down what a whole fleet said, and what the next sweep costs, when little is new.

Knows observations and the store; what hosts say is made up. In a process of its own: `python -m bench.sweep HOSTS`.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import results
from reconciler.adapters.store import open_store
from reconciler.adapters.store.store import SqlStore
from reconciler.core.observing.observed import Interned, Reading, observed
from reconciler.loop.observe import GROUP
from reconciler.model.delivery import Payload, Reply
from reconciler.model.key import Key
from reconciler.model.observation import Observation

HOSTS, QUICK = 110_000, 1_000
ROLES, RESOURCES = 40, 12
NOVEL = 100
"""One host in so many says something of its own."""
BAR = 10.0
THEN = datetime(2026, 11, 1, tzinfo=UTC)


def _payload(role: int) -> Payload:
    paths = [f"/etc/role-{role}/{number}.conf" for number in range(RESOURCES)]
    return Payload({Key("file", path): {"probe": "path", "path": path, "want": ["content", "mode"]} for path in paths})


def replies(hosts: int, payloads: list[Payload], day: int) -> Iterator[tuple[Reply, Payload]]:
    """What hosts say that day: as yesterday, except one in a hundred, and those are others each day."""
    for number in range(hosts):
        payload = payloads[number % ROLES]
        facts = {key: {"exists": True, "mode": "0644", "sha256": f"sha256:{key.name}"} for key in payload.queries}
        if number % NOVEL == day:
            facts[next(iter(facts))]["sha256"] = f"sha256:{number}"
        yield Reply(f"h{number}", "done", "", f"machine:{number}", facts), payload


def sweep(store: SqlStore, hosts: int, day: int, known: dict[str, Observation]) -> dict[str, float]:
    """Seconds of understanding and of writing, as `reconciler observe` does both: of the processor, and of the writing
    also how long it took, since it waits for disks."""
    interned, batch = Interned.of(known.values()), []
    reading = writing = waited = 0.0
    payloads = [_payload(role) for role in range(ROLES)]
    for reply, payload in replies(hosts, payloads, day):
        began = time.process_time()
        batch.append(observed(Reading(reply, payload, known.get(reply.host), THEN + timedelta(days=day)), interned))
        known[reply.host] = batch[-1]
        reading += time.process_time() - began
        if len(batch) == GROUP or len(known) == hosts == number_of(reply):
            began, then = time.process_time(), time.perf_counter()
            store.save_observations(batch)
            writing += time.process_time() - began
            waited += time.perf_counter() - then
            batch = []
    return {"reading": reading, "writing": writing, "waited": waited}


def number_of(reply: Reply) -> int:
    """How many hosts there are up to this one."""
    return int(reply.host[1:]) + 1


def measure(hosts: int) -> list[dict[str, float]]:
    """Three days: everything is new, one host in a hundred is, and one in fifty is as it was and another is not."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store = open_store(path)
        known: dict[str, Observation] = {}
        values = 0
        for day in range(3):
            seconds = sweep(store, hosts, day, known)
            there = _values(path)
            found.append({**seconds, "values": there - values, "bytes": path.stat().st_size})
            values = there
        store.close()
    return found


def _values(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM content").fetchone()[0])
    finally:
        connection.close()


def expected(hosts: int) -> list[int]:
    """How many values are new each day. A host with something of its own has a fact and a list of facts; from the
    second day on also when it was first seen so, which is the same for all that are new that day, and one that is as
    it was before is new in that too."""
    own = hosts // NOVEL
    shared = RESOURCES * ROLES + ROLES
    return [shared + 2 * own, 2 * own, 2 * own]


def quick() -> list[str]:
    """What is wrong with the counts."""
    counted = [int(day["values"]) for day in measure(QUICK)]
    least = expected(QUICK)
    # The moments since when something is so are values too: a few a day, for they are the same for many hosts.
    wrong = [n for n, (values, of) in enumerate(zip(counted, least, strict=True)) if not of <= values <= of + 2 * ROLES]
    return [f"sweep {n + 1} of {QUICK} hosts wrote {counted[n]} values, not about {least[n]}" for n in wrong]


def megabytes(day: dict[str, float]) -> str:
    return f"{day['bytes'] / 1e6:.0f}"


def report() -> str:
    """The section of the results."""
    words = [sys.executable, "-m", "bench.sweep", str(HOSTS)]
    days = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    names = ("first", "second", "third")
    rows = [
        (name, *(f"{d[key]:.1f}" for key in ("reading", "writing", "waited")), f"{int(d['values']):,}", megabytes(d))
        for name, d in zip(names, days, strict=True)
    ]
    most = max(day["writing"] for day in days)
    return "\n\n".join(
        [
            f"Writing down what {HOSTS:,} hosts said, in groups of {GROUP}: {RESOURCES} files each, {ROLES} roles; "
            f"each day one host in {NOVEL} says something of its own. Values: answers and lists of them that are "
            "written, each once. A host's row, with the time and the names of those, is written whenever it answers.",
            results.table(("sweep", "understanding CPU s", "writing CPU s", "wall s", "new values", "store MB"), rows),
            results.table(
                ("ratio", "measured", "at most", ""),
                [(f"CPU seconds to write {HOSTS:,}", f"{most:.1f}", f"{BAR:g}", "met" if most <= BAR else "missed")],
            ),
        ]
    )


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
