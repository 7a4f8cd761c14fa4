"""What a report of drift costs: from the history in a store to each of its forms.

`python -m bench.report [--quick]`. Every size runs in a process of its own. CPU seconds (user and system) and bytes.
The fleet and what happened on it are made up from a seed (`tests.histories`). `--quick` takes small fleets and checks
that what people read is as long for a large fleet as for a small one; it times nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.results import machine, table, verdict, write

SIZES = ((1_000, 60), (10_000, 600), (110_000, 6_000))
"""Hosts, and episodes in a week."""
QUICK = ((400, 60), (4_000, 60))
FORMS = ("html", "markdown", "csv", "json")
LARGEST = 3_000_000
"""Bytes of the page."""

Measured = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="check the length on small fleets; time nothing")
    parser.add_argument("--one", nargs=2, type=int, metavar=("HOSTS", "EPISODES"), help="one size, in this process")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(*given.one)))
        return 0
    found = [_in_a_process(*size) for size in (QUICK if given.quick else SIZES)]
    if not given.quick:
        text = _report(found)
        print(text)
        write("report", text)
    wrong = wrong_lengths(found)
    print("\n".join(wrong) or "a report is as long as what differs")
    return 1 if wrong else 0


def _in_a_process(hosts: int, episodes: int) -> Measured:
    command = [sys.executable, "-m", "bench.report", "--one", str(hosts), str(episodes)]
    found: Measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def measured(hosts: int, many: int) -> Measured:
    """One fleet: what each part took, how long each form is, and what is in it."""
    from reconciler.adapters.report import page
    from reconciler.adapters.store import open_store
    from reconciler.core.explain.report import Period, report
    from reconciler.core.explain.report_document import report_document
    from reconciler.core.explain.report_text import report_csv, report_markdown
    from tests.histories import NOW, WEEK, episodes, fleet

    desired = fleet(hosts)
    found: Measured = {"hosts": hosts, "episodes": many}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        before = time.process_time()
        result = work()
        found[part] = round(time.process_time() - before, 4)
        return result

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder, "store.db"))
        store.note_drift(store.drifting()[0], episodes(desired, many))
        known = timed("reading", lambda: store.episodes(NOW - WEEK))
        store.close()
    told = timed("counting", lambda: report(known, desired, Period(NOW - WEEK, NOW)))
    forms: dict[str, Callable[[], str]] = {
        "html": lambda: page(told, ()),
        "markdown": lambda: "\n".join(report_markdown(told, ())),
        "csv": lambda: report_csv(told),
        "json": lambda: json.dumps(report_document(told, ()), indent=2),
    }
    texts = {name: timed(name, forms[name]) for name in FORMS}
    found |= {"bytes": {name: len(text.encode()) for name, text in texts.items()}, "drifts": told.drifts}
    found |= {"lines": texts["markdown"].count("\n"), "things": len(told.stories)}
    return found | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


def wrong_lengths(found: list[Measured]) -> list[str]:
    """What grows with the fleet although people read it."""
    small, *_, large = found
    wanted = [
        ("a page is larger than 3 MB", all(each["bytes"]["html"] < LARGEST for each in found)),
        ("the Markdown of a large fleet is longer than tables of 15 rows", large["lines"] <= small["lines"] + 5 * 15),
        ("nothing drifted", all(each["drifts"] > each["episodes"] for each in found)),
    ]
    return [what for what, holds in wanted if not holds]


def _report(found: list[Measured]) -> str:
    heads = ("hosts", "episodes", "drifts", "reading", "counting", *FORMS, "MB of HTML", "lines of Markdown", "MB")
    large = found[-1]
    bars = [verdict(f"{form}, from the store, s", _whole(large, form), 3) for form in FORMS]
    return "\n\n".join(
        [
            "## Drift reports",
            machine(("reconciler", "sqlalchemy", "jinja2", "orjson")) + ".",
            "CPU seconds. *Reading*: episodes of a week from the store; *counting*: what all forms have in common; "
            "then each form. What Git says is known already. A drift is one thing on one host, once; MB is the peak of "
            "the process.",
            table(heads, [_row(each) for each in found]),
            table(
                ("ratio", "measured", "bar", ""),
                [*bars, verdict("MB of the HTML", large["bytes"]["html"] / 1e6, LARGEST / 1e6)],
            ),
        ]
    )


def _whole(m: Measured, form: str) -> float:
    return float(m["reading"] + m["counting"] + m[form])


def _row(m: Measured) -> tuple[str, ...]:
    counts = (f"{m[name]:,}" for name in ("hosts", "episodes", "drifts"))
    times = (f"{m[name]:.3f}" for name in ("reading", "counting", *FORMS))
    return (*counts, *times, f"{m['bytes']['html'] / 1e6:.2f}", f"{m['lines']:,}", f"{m['megabytes']:,}")


if __name__ == "__main__":
    sys.exit(main())
