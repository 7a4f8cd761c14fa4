"""The base tree that all machines share: a Debian made once by debootstrap and kept in a cache folder.

The mirror is the one that this computer's own apt uses. Must not know machines: it only hands out a folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.needs import search_path

PACKAGES = (
    "acl",
    "ca-certificates",
    "createrepo-c",
    "cron",
    "dbus",
    "dnf",
    "dnf-plugins-core",
    "iproute2",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "python3-debian",
    "rpm",
    "sudo",
    "systemd",
    "systemd-sysv",
)
"""Beside Debian's minimal base: what Ansible's modules need on a host, and what tests look at."""

OPSPW_PASSWORD = "lab-password"
"""What the user opspw gives to sudo. Machines are reached on loopback, and by key only."""

FINISH = Path(__file__).with_name("finish.sh")


class LabError(Exception):
    """The lab can't be set up or a machine does not behave. Says what to do about it."""


def base_tree() -> Path:
    """The base tree, built if this recipe was not built before. Takes about a minute then, else nothing."""
    tree = cache_folder() / recipe()
    if tree.exists():
        return tree
    with _locked(cache_folder()):
        if not tree.exists():
            _build(tree)
    return tree


def is_built() -> bool:
    return (cache_folder() / recipe()).exists()


def cache_folder() -> Path:
    given = os.environ.get("RECONCILER_LAB_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "reconciler-lab"


def recipe() -> str:
    """A name for everything that decides what is in the base."""
    parts = (_codename(), platform.machine(), OPSPW_PASSWORD, *PACKAGES, FINISH.read_text())
    return "base-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def mirror() -> tuple[str, str]:
    """URI and suite of the distribution's main archive, from this computer's apt sources."""
    uris = subprocess.run(["apt-get", "--print-uris", "update"], capture_output=True, text=True, check=False).stdout
    found = best_source(uris, _codename())
    if found is None:
        raise LabError(
            f"apt has no source for {_codename()} main, so there is nothing to build machines from; "
            "add the distribution's own archive to /etc/apt/sources.list"
        )
    return found


def best_source(uris: str, codename: str) -> tuple[str, str] | None:
    """The distribution's main archive among what `apt-get --print-uris update` lists.

    Third parties use the distribution's code name too: an archive whose path ends like the distribution's comes first.
    """
    found = re.findall(r"^'([^']+?)/dists/([^/']+)/main/binary-", uris, re.MULTILINE)
    usable = {(uri, suite) for uri, suite in found if suite in (codename, "stable")}
    ranked = sorted(usable, key=lambda s: (s[1] != codename, not s[0].endswith(("/debian", "/ubuntu")), s))
    return (_behind(ranked[0][0]), ranked[0][1]) if ranked else None


def _behind(uri: str) -> str:
    """Cloud images name a file with mirrors in place of a mirror."""
    if not uri.startswith("mirror+file:"):
        return uri
    listed = Path("/" + uri.removeprefix("mirror+file:").lstrip("/")).read_text().split()
    return listed[0].rstrip("/")


def _codename() -> str:
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time: others wait for the tree that the first one builds."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(tree: Path) -> None:
    """Debootstrap beside its place, then one rename: a tree that is there is whole."""
    uri, suite = mirror()
    unfinished = tree.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # A mount namespace of its own: whatever is mounted in the tree goes away with the process.
    alone = ["unshare", "--mount", "--propagation", "private"]
    include = f"--include={','.join(PACKAGES)}"
    _logged([*alone, "debootstrap", "--variant=minbase", include, suite, str(unfinished), uri], tree)
    _logged([*alone, "chroot", str(unfinished), "/bin/sh", "-c", FINISH.read_text()], tree)
    unfinished.rename(tree)


def _logged(command: list[str], tree: Path) -> None:
    env = {
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "OPSPW_PASSWORD": OPSPW_PASSWORD,
        **{k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")},
        **_apt_proxy(),
    }
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, check=False)
    with tree.with_suffix(".log").open("a") as log:
        log.write(done.stdout)
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise LabError(f"building the base for test machines failed (whole log: {log.name}):\n{last}")


def _apt_proxy() -> dict[str, str]:
    """The proxy that apt was told to use; debootstrap doesn't read apt's settings."""
    shell = 'eval $(apt-config shell P Acquire::http::Proxy); printf %s "${P:-}"'
    proxy = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False).stdout
    return {"http_proxy": proxy} if proxy and proxy != "DIRECT" else {}
