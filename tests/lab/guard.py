"""The end of a lab: kills what runs in it and removes what it left, on every way out.

The lab starts this as a process of its own, with a pipe as its input. The pipe closes when the lab is done, and also
when the process that had it is killed: the same clean-up either way. Uses the standard library only, and must not
know machines: it is told a cgroup, a folder and where the limit to put back is written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


@dataclass(frozen=True, slots=True)
class Leavings:
    """What a lab puts on the computer.

    `cgroup` holds all of its processes, `folder` all of its files. `limits` keeps the inotify limit that was found by
    the first of several labs.
    """

    cgroup: str
    folder: str
    limits: str

    def dump(self) -> str:
        return json.dumps(asdict(self))


def sweep(left: Leavings) -> None:
    """Ends all processes of the lab and removes all that it left. Does nothing where nothing was left."""
    end_cgroup(Path(left.cgroup))
    shutil.rmtree(left.folder, ignore_errors=True)
    _restore_limit(Path(left.limits), Path(left.cgroup))


def end_cgroup(cgroup: Path, patience: float = 20.0) -> None:
    """Kills every process in the cgroup and below, waits until they are gone, and removes it."""
    if not cgroup.exists():
        return
    (cgroup / "cgroup.freeze").write_text("0")
    (cgroup / "cgroup.kill").write_text("1")
    give_up = time.monotonic() + patience
    while "populated 1" in (cgroup / "cgroup.events").read_text():
        if time.monotonic() > give_up:
            raise TimeoutError(f"processes in {cgroup} outlive SIGKILL; look at its cgroup.procs")
        time.sleep(0.01)
    folders = sorted((f for f in cgroup.rglob("*") if f.is_dir()), reverse=True)
    for folder in [*folders, cgroup]:
        folder.rmdir()


def raise_limit(limits: Path, wanted: int) -> None:
    """Lets more systemds run: each takes a handful of inotify instances of root's 128.

    Where the limit can't be changed it stays: it is enough for a dozen machines or two.
    """
    found = int(INOTIFY.read_text())
    if found >= wanted or not os.access(INOTIFY, os.W_OK):
        return
    if not limits.exists():
        limits.write_text(str(found))
    INOTIFY.write_text(str(wanted))


def _restore_limit(limits: Path, cgroup: Path) -> None:
    """The last lab puts the limit back."""
    others = [c for c in cgroup.parent.glob(cgroup.name.rsplit("-", 1)[0] + "-*") if c != cgroup]
    if limits.exists() and not others:
        INOTIFY.write_text(limits.read_text())
        limits.unlink()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left = Leavings(**json.loads(sys.argv[1]))
    sys.stdin.buffer.read()
    sweep(left)


if __name__ == "__main__":
    main()
