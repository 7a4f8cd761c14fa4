"""Repeats a seed and tells what happened in it, or looks for a seed that fails."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.bugs import BUGS
from tests.simulation.play import play


def main() -> int:
    """0 when nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--count", type=int, default=1, help="this many seeds from there on")
    parser.add_argument("--bug", choices=sorted(BUGS), help="plant a bug first")
    given = parser.parse_args()
    if given.bug:
        BUGS[given.bug](setattr)
    for seed in range(given.seed, given.seed + given.count):
        sim = play(seed)
        if given.count == 1:
            print("\n".join(sim.happened))
        for wrong in sim.oracle.wrong:
            print(f"seed {seed}: {wrong}")
        if sim.oracle.wrong:
            return 1
    print(f"{given.count} seeds, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
