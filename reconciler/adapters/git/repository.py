"""Opening repositories with pygit2, so that nothing outside the repository's own objects and refs has a say."""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, RepositoryOpenFlag

from reconciler.adapters.git.plain import plain
from reconciler.model.errors import Stalled

_LEVELS = (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL)


def isolate() -> None:
    """Keeps settings of the machine and the user out of libgit2 (they may rewrite URLs), for the whole process.

    The owner of a repository is not checked: that guards against settings in it that start programs, and
    libgit2 starts none. So a repository of another user, or on a read-only mount, can be read.
    """
    for level in _LEVELS:
        pygit2.settings.search_path[level] = ""
    pygit2.settings.owner_validation = False


def open_local(path: Path) -> pygit2.Repository:
    """The repository at exactly this path: bare, or with its working tree there. Raises Stalled when it is none."""
    isolate()
    if not path.exists():
        raise Stalled(f"there is no repository at {path}: nothing is there", "give another path, or clone it there")
    try:
        return pygit2.Repository(str(path), RepositoryOpenFlag.NO_SEARCH)
    except pygit2.GitError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: pygit2.GitError) -> Stalled:
    if above := _above(path):
        inside = path.resolve().relative_to(above)
        return Stalled(
            f"{path} is not a repository, but a directory in one",
            f"give {above} as the repository and {inside} as path",
        )
    if (path / ".git").exists() or (path / "HEAD").exists():
        return Stalled(f"the repository {path} can't be read: {plain(str(error))}", "look at it with: git fsck")
    return Stalled(f"{path} is not a Git repository", "give another path, or make it one: git init, git commit")


def _above(path: Path) -> Path | None:
    found = pygit2.discover_repository(str(path.resolve())) if path.is_dir() else None
    return Path(found).parent if found and Path(found).name == ".git" else None
