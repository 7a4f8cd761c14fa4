"""Finds a service's document at the revision that it is pinned to. Reads what differs between both, no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.core.linking.pin import Pins, pinned
from reconciler.core.parsing.parse import parse_file
from reconciler.core.resolving.column import Read
from reconciler.loop.library import DOCUMENTS
from reconciler.model.document import Documents, ServiceDocument
from reconciler.model.errors import Stalled
from reconciler.model.order import Order
from reconciler.ports import Tree

if TYPE_CHECKING:
    from reconciler.loop.world import Reading


@dataclass(frozen=True, slots=True)
class AtPin:
    """The document there, or why there is none; and what gives the files that it refers to."""

    document: ServiceDocument | str
    read: Read


@dataclass(slots=True)
class Pinboard:
    """Puts pinned services into documents. The very same if documents and pins are, so that nothing is worked out anew;
    a document at a revision stays what it is, so it is looked for once."""

    _found: dict[tuple[str, str], AtPin] = field(default_factory=dict)
    _last: tuple[Documents, Pins, Documents, Mapping[str, Read]] | None = None

    def put(
        self, reading: Reading, tree: Tree, documents: Documents, pins: Pins
    ) -> tuple[Documents, Mapping[str, Read]]:
        """The documents with the pinned services as they were, and what gives these their files."""
        if not pins:
            return documents, {}
        if self._last is None or self._last[0] is not documents or self._last[1] != pins:
            at = {name: self._at(reading, pin, tree, documents.services.get(name)) for name, pin in pins.items()}
            self._found = {
                (n, pin.revision): at[n] for n, pin in pins.items() if isinstance(at[n].document, ServiceDocument)
            }
            made = pinned(documents, pins, {name: found.document for name, found in at.items()})
            self._last = documents, pins, made, {name: found.read for name, found in at.items()}
        return self._last[2], self._last[3]

    def _at(self, reading: Reading, pin: Order, now: Tree, current: ServiceDocument | None) -> AtPin:
        return self._found.get((pin.subject, pin.revision)) or at_pin(reading, pin, now, current)


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
