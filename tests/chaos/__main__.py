"""`python -m tests.chaos --seed N --kills 50000`: chaos for as long as wanted, or a failing seed once more."""

from __future__ import annotations

import argparse
import sys
import time

from tests.chaos.plants import PLANTS
from tests.chaos.run import Chaos, run
from tests.stores import BACKENDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=1000, help="how many workers die, for each database")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this database")
    parser.add_argument("--plant", choices=PLANTS, default="", help="plant this bug; it is an error if it is not found")
    given = parser.parse_args()
    failed = False
    for backend in given.backend or BACKENDS:
        began = time.monotonic()
        report = run(Chaos(given.seed, backend, given.kills, given.plant))
        print(f"{report}\n  {time.monotonic() - began:.0f} s", flush=True)
        failed = failed or bool(report.wrong) != bool(given.plant)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
