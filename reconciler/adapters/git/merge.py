"""What merging two commits would give, made beside a repository and never in it: who only looks writes nothing there.

Must not know what is in the files.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

import pygit2

from reconciler.adapters.git.plain import plain
from reconciler.model.errors import Stalled

_SHOWN = 5
_WHO = pygit2.Signature("reconciler", "reconciler@localhost", 0, 0)
"""Nobody's name: the commit is only looked at, and the same two commits give the same one."""


class Merges:
    """Merges of commits of one repository. Their objects lie in a folder that goes when this does."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self._folder = ""

    def of(self, base: pygit2.Commit, head: pygit2.Commit) -> pygit2.Commit:
        """The commit that merging `head` into `base` would make; one of the two where the other is in its history.

        Raises Stalled when they conflict, or have no history in common.
        """
        common = self._common(base, head)
        if common == base.id:
            return head
        return base if common == head.id else self._made(base, head)

    def _common(self, base: pygit2.Commit, head: pygit2.Commit) -> pygit2.Oid:
        try:
            common = self._repository.merge_base(base.id, head.id)
        except (KeyError, pygit2.GitError):
            common = None  # a part of the history is missing
        if common is None:
            raise Stalled(
                f"{_short(base)} and {_short(head)} have no history in common here",
                "fetch all of it, no shallow clone (fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)",
            )
        return common

    def _made(self, base: pygit2.Commit, head: pygit2.Commit) -> pygit2.Commit:
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix="reconciler-merge-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        beside = pygit2.init_repository(self._folder, bare=True)
        beside.odb.add_disk_alternate(str(_objects(self._repository)))
        index = beside.merge_commits(base.id, head.id)
        if index.conflicts is not None:
            raise _conflict(base, head, index)
        tree = index.write_tree(beside)
        made = beside.create_commit(None, _WHO, _WHO, f"{_short(head)} into {_short(base)}", tree, [base.id, head.id])
        self._repository.odb.add_disk_alternate(str(Path(self._folder, "objects")))
        found = self._repository[made]
        assert isinstance(found, pygit2.Commit)
        return found


def _objects(repository: pygit2.Repository) -> Path:
    """Where its objects are. A working tree beside others keeps them with the first."""
    path = Path(repository.path)
    shared = path / "commondir"
    return (path / shared.read_text().strip() if shared.is_file() else path) / "objects"


def _short(commit: pygit2.Commit) -> str:
    return str(commit.id)[:7]


def _conflict(base: pygit2.Commit, head: pygit2.Commit, index: pygit2.Index) -> Stalled:
    found = [next(side for side in sides if side is not None).path for sides in index.conflicts or ()]
    paths = sorted({plain(path) for path in found})
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return Stalled(
        f"{_short(head)} can't be merged into {_short(base)}: both change {', '.join(paths[:_SHOWN])}{more}",
        "merge the base into the pull request, or rebase it, and settle the conflict",
    )
