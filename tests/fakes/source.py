"""A source whose commits are dictionaries of files, behind the same port and contract suite as Git's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.model.digest import digest, text_digest
from reconciler.model.errors import Stalled
from reconciler.ports import Revision, Tree

AT = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)


@dataclass
class Commits:
    """`files` are those of the newest commit; each commit is kept."""

    files: dict[str, str] = field(default_factory=dict)
    _trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _newest: Revision | None = None

    def commit(self, files: Mapping[str, str | None], subject: str = "a change") -> str:
        """Changes files (None removes one) in a new commit; answers its SHA."""
        self.files = {p: t for p, t in {**self.files, **files}.items() if t is not None}
        content = {path: text.encode() for path, text in self.files.items()}
        sha = digest([len(self._trees), self.files]) + "0" * 8
        self._trees[sha] = content
        self._blobs |= {text_digest(data): data for data in content.values()}
        self._newest = Revision(sha, subject, AT)
        return sha

    def at(self, sha: str, path: str) -> str:
        """What a file was in a commit."""
        return self._trees[sha][path].decode()

    def forget(self) -> None:
        """Earlier commits are gone."""
        self._trees.clear()
        self._blobs.clear()

    def revision(self, rev: str | None = None) -> Revision:
        """As the port says."""
        if rev is None and self._newest:
            return self._newest
        found = next((sha for sha in self._trees if rev and sha.startswith(rev)), None)
        if found is None:
            raise Stalled(f"there is no revision {rev}")
        return Revision(found, "a change", AT)

    def tree(self, revision: Revision) -> Tree:
        """As the port says."""
        files = self._trees[revision.sha]
        return Tree(revision, {path: text_digest(files[path]) for path in sorted(files)})

    def read(self, blob: str, limit: int) -> bytes | None:
        """As the port says."""
        data = self._blobs[blob]
        return data if len(data) <= limit else None

    def poll(self, rev: str | None = None) -> Revision:
        """As the port says."""
        return self.revision(rev)

    def merge(self, base: Revision, head: Revision) -> Revision:
        """As the port says; commits come one after another here, so the later one is all of it."""
        order = list(self._trees)
        return max((base, head), key=lambda revision: order.index(revision.sha))
