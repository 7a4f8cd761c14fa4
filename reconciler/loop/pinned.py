"""Finds a service's document at the revision that it is pinned to. Reads what differs between both, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.core.parse import parse_file
from reconciler.loop.library import DOCUMENTS
from reconciler.loop.world import Reading
from reconciler.model.document import ServiceDocument
from reconciler.model.errors import Stalled
from reconciler.model.order import Order
from reconciler.ports import Tree

Pins: TypeAlias = Mapping[str, Order]


@dataclass(frozen=True, slots=True)
class AtPin:
    """The document there, or why there is none; and what gives the files that it refers to."""

    document: ServiceDocument | str
    read: Callable[[str], bytes | None]


def at_pin(reading: Reading, pin: Order, now: Tree, current: ServiceDocument | None) -> AtPin:
    """The pinned service as it was. `now` is the tree that it is put into, `current` its document there."""
    try:
        tree = reading.source.tree(reading.source.revision(pin.revision))
    except Stalled as error:
        return AtPin(error.message, lambda _: None)
    limit = reading.limits.file_bytes

    def read(path: str) -> bytes | None:
        return reading.source.read(tree.blobs[path], limit) if path in tree.blobs else None

    for path in _candidates(tree, now, current):
        data = read(path)
        if data is not None and pin.subject.encode() in data:
            result = parse_file(path, data, reading.registry, reading.limits)
            for document in result.documents:
                if isinstance(document, ServiceDocument) and document.name == pin.subject:
                    return AtPin(document, read)
    return AtPin("there is no usable document of it in that revision", read)


def _candidates(tree: Tree, now: Tree, current: ServiceDocument | None) -> Iterator[str]:
    """Files that may hold it: where it stands now, then all that are not the same now."""
    if current is not None and current.place.path in tree.blobs:
        yield current.place.path
    for path, blob in tree.blobs.items():
        if path.endswith(DOCUMENTS) and now.blobs.get(path) != blob:
            yield path
