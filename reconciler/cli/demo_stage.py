"""The folder that the demo plays in: made-up hosts as directories, a state repository, settings.

Everything is below that folder, so nothing of the computer is changed. Must not know the story.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from reconciler.model.errors import Stalled

STATE = Path(__file__).with_name("demo_state")
HOSTS = ("db-1", "db-2", "web-1", "web-2", "web-3", "web-4")
SETTINGS = """\
# What the operator of this demo decides; every setting can be given here.
repo = "state"
store = "store.db"
allow_local = true
"""
# What a made-up host comes with, as a machine does that somebody installed.
SSHD_CONFIG = "Port 22\n#PermitRootLogin prohibit-password\n"
# For this repository alone, so that the demo needs nothing of the user's own configuration, and runs nothing of it.
GIT_CONFIG = {
    "user.name": "Reconciler demo",
    "user.email": "demo@localhost",
    "commit.gpgsign": "false",
    "core.hooksPath": os.devnull,
}


def build(folder: Path) -> None:
    """Fills an empty folder. Raises Stalled when it is not empty, or git is missing."""
    if shutil.which("git") is None:
        raise Stalled("the demo needs git, which is not on the PATH", "install git")
    if any(folder.iterdir()):
        raise Stalled(f"the folder {folder} is not empty", "name another one: reconciler demo --folder DIR")
    for host in HOSTS:
        _furnish(folder / "hosts" / host)
    state = folder / "state"
    shutil.copytree(STATE, state)
    documents = state / "hosts.yaml"
    documents.write_text(documents.read_text().replace("FOLDER", str(folder)))
    (folder / "reconciler.toml").write_text(SETTINGS)
    _git(state, "init", "--quiet", "--initial-branch=main", "--template=")
    for name, value in GIT_CONFIG.items():
        _git(state, "config", name, value)
    _git(state, "add", "--all")
    _git(state, "commit", "--quiet", "--message=Six hosts and three services")


def environment() -> dict[str, str]:
    """The caller's, without what would point Git or Reconciler somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "RECONCILER_"))}


def _furnish(root: Path) -> None:
    (root / "etc" / "ssh").mkdir(parents=True)
    (root / "srv").mkdir()
    (root / "etc" / "ssh" / "sshd_config").write_text(SSHD_CONFIG)


def _git(state: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(state), *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Stalled(
            f"git {arguments[0]} failed in {state}: {done.stderr.strip()}", "the demo needs git 2.28 or newer"
        )
