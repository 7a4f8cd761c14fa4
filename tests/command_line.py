"""Runs the command line of this tree as anybody would: in a process of its own, from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def reconciler(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ends in words and an exit code; nothing of the caller's own settings gets in."""
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
    env = {**kept, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


def git(folder: Path, *arguments: str) -> str:
    """Git without the caller's own configuration."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, env=alone, capture_output=True, text=True, check=True).stdout


def commit(folder: Path, message: str = "A commit") -> None:
    """Everything in the folder as a commit; makes the repository where there is none."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")
