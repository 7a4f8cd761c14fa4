"""From Git and inventories to the desired state: reads through their ports, the rest is pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.core.linking.link import Linked
from reconciler.core.linking.pin import Pins
from reconciler.core.resolving.column import Files
from reconciler.loop.world import Reading
from reconciler.model.desired import Desired
from reconciler.model.document import Documents
from reconciler.model.errors import Stalled
from reconciler.model.inventory import place_of
from reconciler.ports import Revision, Tree


@dataclass(frozen=True, slots=True)
class Read:
    """The desired state, with the revision it was read at and the documents that it came from."""

    revision: Revision
    tree: Tree
    documents: Documents
    linked: Linked
    desired: Desired


def read_desired(reading: Reading, rev: str | None, pins: Pins | None = None, *, refresh: bool = False) -> Read:
    """What Git asks for at a revision (the remote is looked at first); see `desired_at`."""
    return desired_at(reading, reading.source.poll(rev), pins, refresh=refresh)


def desired_at(reading: Reading, revision: Revision, pins: Pins | None = None, *, refresh: bool = False) -> Read:
    """What a commit asks for, for its own hosts and those of inventories; pinned services as at their revisions.

    With `refresh` inventories are read again if they are old; without, nothing but Git is asked. Raises Stalled when
    there is nothing to read; what is wrong with single documents is told in `desired.problems` instead.
    """
    source = reading.source
    tree = source.tree(revision)
    limit = reading.limits.file_bytes
    documents = reading.library.documents(tree)
    if documents.count == 0 and not documents.problems:
        raise Stalled(
            f"there is no document (*.yaml, *.yml) at revision {revision.sha[:7]}",
            "an empty repository changes nothing; `reconciler init` writes a first one",
        )
    documents = reading.library.joined(documents, [each.listing(refresh=refresh) for each in reading.inventories])
    documents, elsewhere = reading.pinboard.put(reading, tree, documents, pins or {})
    linked = reading.library.linked(documents, reading.registry, allow_local=reading.allow_local)
    files = {path: source.read(tree.blobs[path], limit) for path in documents.references if path in tree.blobs}
    desired = reading.library.desired(revision.sha, linked, Files(files.get, elsewhere), reading.registry)
    desired = replace(
        desired,
        problems=tuple(sorted({*desired.problems, *tree.problems})),
        broken=desired.broken | {problem.place.path for problem in tree.problems},
        opaque=bool(tree.problems) or any(not names for names in documents.broken.values()),
        inventories=frozenset(place_of(inventory.name).path for inventory in reading.inventories),
        pins=pins or {},
    )
    return Read(revision, tree, documents, linked, desired)


def lines_of(reading: Reading, read: Read) -> Callable[[str], Sequence[str]]:
    """Gives the lines of a file at the revision, for excerpts; none for what can't be shown."""

    @functools.cache
    def lines(path: str) -> Sequence[str]:
        blob = read.tree.blobs.get(path)
        data = reading.source.read(blob, reading.limits.file_bytes) if blob else None
        return data.decode(errors="replace").splitlines() if data else ()

    return lines
