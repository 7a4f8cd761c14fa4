"""Runs all benchmarks, one after another: `python -m bench [--quick]`. One that fails does not keep the others."""

from __future__ import annotations

import subprocess
import sys
import time

ALL = ("parsing", "plan", "report", "soak", "apply", "observe")


def main() -> int:
    began, failed = time.monotonic(), []
    for name in ALL:
        print(f"— bench.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=False).returncode != 0:
            failed.append(name)
    print(
        f"{(time.monotonic() - began) / 60:.1f} minutes; " + (f"failed: {', '.join(failed)}" if failed else "all ran")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
