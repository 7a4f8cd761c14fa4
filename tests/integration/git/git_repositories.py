"""Real repositories, made by the `git` program, and hostile ones, written object by object."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-11-02T11:20:00+01:00",
    "GIT_COMMITTER_DATE": "2026-11-02T11:20:00+01:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """A repository with a working tree, driven by the `git` program."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            env={**os.environ, **WHO}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, subject: str = "a change", **files: str) -> str:
        """Writes the files (`__` in a name stands for a slash), commits everything, and gives the SHA."""
        for name, content in files.items():
            file = self.path / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def write_tree(repository: pygit2.Repository, entries: list[tuple[bytes, str, str]]) -> pygit2.Oid:
    """A tree object from raw (name, mode, id), whatever they are."""
    data = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(id_) for name, mode, id_ in entries)
    return repository.odb.write(ObjectType.TREE, data)
