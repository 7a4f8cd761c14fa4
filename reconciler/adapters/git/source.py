"""The `Source` port on Git. A local repository is read in place; a remote one through its mirror."""

from __future__ import annotations

import re

import pygit2

from reconciler.adapters.git import mirror, signed
from reconciler.adapters.git.address import Address, Local, Remote, parse_address
from reconciler.adapters.git.merge import Merges
from reconciler.adapters.git.plain import plain
from reconciler.adapters.git.repository import open_local
from reconciler.adapters.git.revision import describe, resolve
from reconciler.adapters.git.settings import GitSettings
from reconciler.adapters.git.tree import Walker
from reconciler.model.errors import Stalled
from reconciler.ports import Revision, Tree

_SHOWN = 10


def open_source(address: str, settings: GitSettings, path: str = "") -> GitSource:
    """The repository at an address, as far as it is under `path`. Nothing is fetched yet.

    Raises Stalled when the address is not allowed, or a local one is no repository.
    """
    parsed = parse_address(address, settings.allow_http)
    match parsed:
        case Local(place):
            repository = open_local(place)
        case Remote():
            repository = mirror.open_mirror(parsed, settings)
    return GitSource(parsed, repository, settings, _state_path(path))


class GitSource:
    """A repository, read as blobs at a commit."""

    def __init__(
        self, address: Address, repository: pygit2.Repository, settings: GitSettings, path: tuple[str, ...]
    ) -> None:
        self._address = address
        self._repository = repository
        self._settings = settings
        self._path = path
        self._walker = Walker(repository)
        self._merges = Merges(repository)

    def revision(self, rev: str | None = None) -> Revision:
        """The commit that a branch, tag or SHA means, as of the last `poll` (the first time, it polls)."""
        if isinstance(self._address, Remote) and not any(self._repository.references):
            return self.poll(rev)
        return self._resolve(rev)

    def poll(self, rev: str | None = None) -> Revision:
        if isinstance(self._address, Remote):
            mirror.fetch(self._address, self._settings)
        return self._resolve(rev)

    def merge(self, base: Revision, head: Revision) -> Revision:
        return describe(self._merges.of(self._commit(base), self._commit(head)))

    def tree(self, revision: Revision) -> Tree:
        try:
            top = self._commit(revision).tree
            for depth in range(len(self._path)):
                top = self._below(top, depth, revision)
            blobs, problems = self._walker.files(top.id)
        except (KeyError, pygit2.GitError):
            raise Stalled(
                f"a directory of {self._address} at {revision.sha[:12]} can't be read: it is torn or missing",
                "fetch it again, or look with: git fsck",
            ) from None
        return Tree(revision, blobs, problems)

    def read(self, blob: str, limit: int) -> bytes | None:
        name = pygit2.Oid(hex=blob)
        try:
            # The size stands in front of the content, so a large one is not even unpacked.
            _, size = self._repository.odb.read_header(name)
            if size > limit:
                return None
            found = self._repository[name]
        except (KeyError, pygit2.GitError):
            found = None
        if not isinstance(found, pygit2.Blob):
            raise Stalled(
                f"{self._address} has lost the content of a file ({blob[:12]})",
                "fetch it again (a partial clone is not enough), or look with: git fsck",
            )
        return found.data

    def _resolve(self, rev: str | None) -> Revision:
        head = mirror.HEAD if isinstance(self._address, Remote) else "HEAD"
        commit = resolve(self._repository, rev, head, str(self._address))
        if self._settings.signed is not None:
            signed.check(self._settings.signed, self._repository, commit)
        return describe(commit)

    def _commit(self, revision: Revision) -> pygit2.Commit:
        try:
            found = self._repository.get(revision.sha)
        except ValueError:
            found = None
        if not isinstance(found, pygit2.Commit):
            raise Stalled(f"{self._address} has no commit {plain(revision.sha)}", "fetch it, or name another revision")
        return found

    def _below(self, tree: pygit2.Tree, depth: int, revision: Revision) -> pygit2.Tree:
        wanted = self._path[depth]
        found = next((entry for entry in tree if entry.raw_name == wanted.encode()), None)
        if isinstance(found, pygit2.Tree):
            return found
        path = "/".join(self._path[: depth + 1])
        what = "is not there" if found is None else "is not a directory"
        there = sorted(plain(e.raw_name or b"") for e in tree if isinstance(e, pygit2.Tree))
        listed = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
        raise Stalled(
            f"the path {path} {what} in {self._address} at {revision.sha[:12]}",
            f"directories there: {listed or 'none'}",
        )


def _state_path(text: str) -> tuple[str, ...]:
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    if text.startswith("/") or ".." in parts or re.search(r"[\x00-\x1f\x7f\\]", text):
        raise Stalled(f"{plain(text)!r} is not a path inside a repository", "write it like: fleet/prod")
    return parts
