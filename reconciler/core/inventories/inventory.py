"""Documents and the hosts from outside of Git, put together: from here on nobody asks where a host comes from.

A host that two of them name is used from neither, as with two documents. Must not know how sources are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.core.inventories.admit import MOST
from reconciler.model.document import Documents, HostDocument
from reconciler.model.inventory import Listing, place_of
from reconciler.model.key import Place
from reconciler.model.problem import Problem

Broken = dict[str, frozenset[tuple[str, str]]]


def joined(documents: Documents, listings: Sequence[Listing]) -> Documents:
    """The documents with the hosts of all sources among them, and with what is wrong with those.

    A source that is not whole counts as a file that can't be read: none of its hosts is let go.
    """
    if not listings:
        return documents
    hosts = dict(documents.hosts)
    again: dict[str, list[Place]] = {}
    for listing in listings:
        for name, host in listing.hosts.items():
            if name in hosts:
                again.setdefault(name, [hosts[name].host.place]).append(host.place)
            else:
                hosts[name] = HostDocument(host)
    for name in again:
        del hosts[name]
    return replace(
        documents,
        hosts=hosts,
        broken=_broken(documents, listings, again),
        problems=tuple(sorted({*documents.problems, *_problems(listings), *_named_twice(again)})),
    )


def _problems(listings: Iterable[Listing]) -> Iterator[Problem]:
    for listing in listings:
        yield from listing.problems


def _broken(documents: Documents, listings: Iterable[Listing], again: dict[str, list[Place]]) -> Broken:
    """Never an empty set for a source: there is no service in it that somebody could miss."""
    broken: Broken = dict(documents.broken)
    for listing in listings:
        if not listing.whole:
            broken[place_of(listing.source).path] = frozenset({("Inventory", listing.source)})
    for name, places in again.items():
        for path in {place.path for place in places}:
            # An empty set says that nobody knows what is in a file: no name may hide that.
            if broken.get(path, True):
                broken[path] = broken.get(path, frozenset()) | {("Host", name)}
    return broken


def _named_twice(again: dict[str, list[Place]]) -> Iterator[Problem]:
    for number, (name, places) in enumerate(sorted(again.items())):
        if number == MOST:
            message = f"{len(again) - MOST:,} more hosts are named by two sources"
            yield Problem(places[-1], "too-many-problems", message)
            return
        message = f'host "{name}" is named by {" and by ".join(str(place) for place in places)}'
        hint = "take it out of one; until then neither is used"
        yield Problem(places[-1], "duplicate-name", message, f"Host/{name}", hint)
