"""Services that are kept at another revision: their documents in place of those that Git has now.

A pin that can't be followed holds its service as it is; it never lets it go on to what it was pinned against.
Must not know how revisions are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from reconciler.model.document import Documents, ServiceDocument
from reconciler.model.key import Place
from reconciler.model.order import Order
from reconciler.model.problem import Problem

Pins: TypeAlias = Mapping[str, Order]
"""Pins that hold, by service."""


def pinned(documents: Documents, pins: Pins, found: Mapping[str, ServiceDocument | str]) -> Documents:
    """The documents with each pinned service as `found` says: its document there, or why there is none."""
    services = dict(documents.services)
    broken = dict(documents.broken)
    problems = set(documents.problems)
    for name, pin in sorted(pins.items()):
        document = found[name]
        # What is wrong with the document of now is not what keeps the service from being used.
        own = {p for p in problems if p.document == f"Service/{name}" and p.severity == "error"}
        problems = (problems - own) | {replace(p, severity="warning") for p in own}
        broken = _without(name, broken)
        if isinstance(document, ServiceDocument):
            services[name] = document
            continue
        place = services[name].place if name in services else Place("", 0)
        services.pop(name, None)
        if broken.get(place.path, True):
            broken[place.path] = broken.get(place.path, frozenset()) | {("Service", name)}
        message = f'service "{name}" is pinned to {pin.revision[:7]}, which can\'t be followed: {document}'
        hint = f"reconciler unpin {name}, or pin it to another revision"
        problems.add(Problem(place, "bad-pin", message, f"Service/{name}", hint))
    return replace(documents, services=services, broken=broken, problems=tuple(sorted(problems)))


def _without(name: str, broken: Mapping[str, frozenset[tuple[str, str]]]) -> dict[str, frozenset[tuple[str, str]]]:
    """An empty set says that nobody knows what is in a file: it must not come to be by taking the last name out."""
    left = {path: names - {("Service", name)} for path, names in broken.items()}
    return {path: names for path, names in left.items() if names or not broken[path]}
