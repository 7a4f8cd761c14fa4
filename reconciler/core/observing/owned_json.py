"""Our record of a resource as plain values for JSON, and back exactly. Must not know where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core import instant
from reconciler.model.key import Key
from reconciler.model.observation import Owned


def owned_fields(owned: Owned) -> dict[str, Any]:
    """All fields of a record."""
    return {
        "key": list(owned.key),
        "service": owned.service,
        "created": owned.created,
        "desired": owned.desired,
        "facts": owned.facts,
        "revision": owned.revision,
        "run": owned.run,
        "at": instant.to_text(owned.at),
        "path": owned.path,
        "spec": owned.spec,
        "state": owned.state,
        "needs": list(owned.needs),
        "requires": [list(key) for key in owned.requires],
        "protect": owned.protect,
        "prune": owned.prune,
        "reacted": owned.reacted,
    }


def owned_from(value: Mapping[str, Any]) -> Owned:
    """The record of these fields."""
    read = {
        "key": Key(*value["key"]),
        "at": instant.from_text(value["at"]),
        "needs": tuple(value["needs"]),
        "requires": tuple(Key(*key) for key in value["requires"]),
    }
    return Owned(**{**value, **read})
