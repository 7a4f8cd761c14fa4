"""What the lab needs of the machine that it runs on. Changes nothing, starts nothing."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "dpkg-deb": "dpkg",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "sudo": "sudo",
}
"""Programs and the Debian packages that they are in."""


CAP_SYS_ADMIN = 21


def missing() -> list[str]:
    """Why machines can't be started here, one reason for each thing that is missing; empty when all is there."""
    if sys.platform != "linux":
        return [f"this is {sys.platform}, not Linux"]
    reasons = [] if os.geteuid() == 0 else ["not root"]
    reasons += [
        f"no {program} (Debian package {package})"
        for program, package in PROGRAMS.items()
        if shutil.which(program, path=search_path()) is None
    ]
    return reasons + _kernel()


def _kernel() -> list[str]:
    """What the kernel, or the container that this runs in, does not allow."""
    root = cgroup_root()
    reasons = []
    if root is None:
        reasons.append("no cgroup2 hierarchy is mounted")
    elif os.geteuid() == 0 and not os.access(root, os.W_OK):
        reasons.append(f"{root} is read-only")
    effective = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    if os.geteuid() == 0 and effective and not int(effective[1], 16) >> CAP_SYS_ADMIN & 1:
        reasons.append("root may not mount (no CAP_SYS_ADMIN)")
    return reasons


def search_path() -> str:
    """PATH with the system's sbin folders, which other users' shells leave out."""
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def cgroup_root() -> Path | None:
    """Where the cgroup2 hierarchy is mounted: alone, or beside the controllers of version 1."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, filesystem = line.partition(" - ")
        if filesystem.startswith("cgroup2 "):
            return Path(mount.split()[4])
    return None
