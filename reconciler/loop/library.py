"""What the last revision says, and what is made of it, kept so that the next one costs what differs: in the process,
and what files say across restarts too, where there is a cache. Must not know hosts' answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count, repeat
from operator import attrgetter, eq, ne

from reconciler.core.inventories.inventory import joined
from reconciler.core.linking.link import Linked, link
from reconciler.core.parsing.join import Gathered, join_with
from reconciler.core.parsing.parse import Parser
from reconciler.core.parsing.parsed import FileResult
from reconciler.core.parsing.parsed_json import Kept, Pages, to_page
from reconciler.core.resolving.column import Files
from reconciler.core.resolving.resolve import Resolved, resolve_again
from reconciler.kinds import Registry
from reconciler.loop.collector import settled, uncollected
from reconciler.model.desired import Desired
from reconciler.model.document import Documents
from reconciler.model.inventory import Listing
from reconciler.ports import DocumentCache, Source, Tree

DOCUMENTS = (".yaml", ".yml")
PAGE = 500
"""Files in a page of the cache."""
MANY = 1_000
"""New files at once that are a fleet, and there to stay."""

_UNKNOWN = Kept("", FileResult(""))
_blob, _size = attrgetter("blob"), attrgetter("result.size")


@dataclass(slots=True)
class Library:
    """The documents of one repository. `read` and `restored` count blobs, `parser.parsed` files, `_cached` files that
    the cache has, of whatever revision."""

    source: Source
    parser: Parser
    cache: DocumentCache | None = None
    read: int = 0
    restored: int = 0
    _grown: bool = False
    _files: dict[str, Kept] = field(default_factory=dict)
    _gathered: Gathered | None = None
    _last: tuple[Mapping[str, str], Mapping[str, str], Documents] | None = None
    _joined: tuple[Documents, Sequence[Listing], Documents] | None = None
    _linked: tuple[Documents | None, Linked | None] = (None, None)
    _resolved: Resolved | None = None
    _cached: int = 0

    def documents(self, tree: Tree) -> Documents:
        """All documents of a revision. Files are read and parsed that were not in the last one, nor in the cache."""
        if self._last is not None and self._last[0] == tree.blobs:
            return self._last[2]
        blobs = self._of_documents(tree.blobs)
        before = len(self._files)
        with uncollected():
            self._files = self._results(blobs, self._files or self._restored(blobs))
            results = (kept.result for kept in self._files.values())
            documents, self._gathered = join_with(results, self.parser.limits, self._gathered)
        self._grown |= len(self._files) - before >= MANY
        self._last = tree.blobs, blobs, documents
        return documents

    def _of_documents(self, blobs: Mapping[str, str]) -> dict[str, str]:
        """The files that may hold documents; where paths are those of the last time, only at others is looked."""
        last, before, _ = self._last or ({}, {}, None)
        if len(last) == len(blobs) and all(map(eq, last, blobs)):
            differing = compress(blobs.items(), map(ne, last.values(), blobs.values()))
            return {**before, **{path: blob for path, blob in differing if path.endswith(DOCUMENTS)}}
        return {path: blob for path, blob in blobs.items() if path.endswith(DOCUMENTS)}

    def joined(self, documents: Documents, listings: Sequence[Listing]) -> Documents:
        """As `inventory.joined`; the very same as the last time, if documents and listings are."""
        last = self._joined
        if last is None or last[0] is not documents or last[1] != listings:
            last = self._joined = documents, listings, joined(documents, listings)
        return last[2]

    def linked(self, documents: Documents, registry: Registry, *, allow_local: bool) -> Linked:
        """As `link`; hosts that are the same as the last time are not indexed again."""
        of, before = self._linked
        if before is not None and of is documents and before.indexed.allow_local == allow_local:
            return before
        with uncollected():
            linked = link(documents, registry, allow_local=allow_local, before=before)
        self._linked = documents, linked
        return linked

    def desired(self, revision: str, linked: Linked, files: Files, registry: Registry) -> Desired:
        """As `resolve`; services that are the same as the last time, on the same hosts, are not resolved again."""
        with uncollected():
            self._resolved = resolve_again(revision, linked, files, registry, self._resolved)
        return self._resolved.desired

    def settle(self) -> None:
        """To be called when a plan is made: a fleet that was read for it is there to stay."""
        if self._grown:
            settled()
            self._grown = False

    def _results(self, blobs: Mapping[str, str], known: Mapping[str, Kept]) -> dict[str, Kept]:
        """What each file says, from what is known or from the file itself."""
        # Runs over every file there is for each that differs, so it goes by whole columns.
        files = [*map(known.get, blobs, repeat(_UNKNOWN))]
        differing = [*compress(count(), map(ne, map(_blob, files), blobs.values()))]
        paths = list(blobs) if differing else []
        total = done = 0
        for at in differing:
            total += sum(map(_size, files[done:at]))
            files[at] = self._parsed(paths[at], blobs[paths[at]], total)
            done = at
        known = dict(zip(blobs, files, strict=True))
        self._keep([files[at] for at in differing], known)
        return known

    def _parsed(self, path: str, blob: str, total: int) -> Kept:
        """What comes after the total is used up is counted but not parsed; `join` says so."""
        limits = self.parser.limits
        data = self.source.read(blob, limits.file_bytes)
        self.read += 1
        if data is not None and total + len(data) > limits.total_bytes:
            return Kept("", self.parser.unread(path, len(data)))
        return Kept(blob, self.parser.file(path, data))

    def _restored(self, blobs: Mapping[str, str]) -> dict[str, Kept]:
        """What the cache has of these files. When most of what it has is of other revisions, that is dropped."""
        if self.cache is None:
            return {}
        pages = Pages()
        found = {k.result.path: k for page in self.cache.pages() for k in pages.wanted(page, blobs)}
        self.restored += len(found)
        self._cached = pages.seen
        self._keep((), found)
        return found

    def _keep(self, new: Sequence[Kept], all_of_it: Mapping[str, Kept]) -> None:
        """Adds what is new to the cache, or puts all that is of now in its place where most of it would be of other
        revisions. A file that was left out says nothing of itself, so it is not kept (it has no blob here)."""
        if self.cache is None:
            return
        sure = [kept for kept in new if kept.blob]
        self._cached += len(sure)
        if self._cached > PAGE + 2 * len(all_of_it):
            sure = [kept for kept in all_of_it.values() if kept.blob]
            self._cached = len(sure)
            self.cache.replace(list(_pages(sure)))
        elif sure:
            self.cache.add(list(_pages(sure)))


def _pages(files: Sequence[Kept]) -> Iterator[bytes]:
    for i in range(0, len(files), PAGE):
        yield to_page(files[i : i + PAGE])
