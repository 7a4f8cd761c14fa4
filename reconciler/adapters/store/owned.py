"""Ownership in rows and back: a row for each host that we own something on, what we own as shared content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete

from reconciler.adapters.store import bulk, content
from reconciler.adapters.store.content import Contents, rows_of
from reconciler.adapters.store.tables import ownership
from reconciler.core.observing.owned_json import owned_fields, owned_from
from reconciler.model.key import Key
from reconciler.model.observation import Owned, Ownership


def rows(known: Sequence[Ownership], contents: Contents) -> list[dict[str, Any]]:
    """The rows for hosts (the last of several for one host); `owned` is None where nothing is owned."""
    last = {each.host: each for each in known}
    return [_row(last[host], contents) for host in sorted(last)]


def save(connection: Connection, new: Sequence[dict[str, Any]]) -> None:
    """Writes rows whose contents are there, and deletes those of hosts on which nothing is owned."""
    kept = [row for row in new if row["owned"] is not None]
    gone = [{"name": row["host"]} for row in new if row["owned"] is None]
    bulk.put(connection, ownership, kept)
    if gone:
        connection.execute(delete(ownership).where(ownership.c.host == bindparam("name")), gone)


def load(connection: Connection, hosts: Collection[str] | None) -> dict[str, Ownership]:
    """What is owned on these hosts (None: all). Equal records of hosts are one mapping, equal `Owned` one object."""
    found = rows_of(connection, ownership, hosts)
    bodies = dict(content.load(connection, "ownership", None if hosts is None else {body for _, _, body in found}))
    names = None if hosts is None else {item for items in bodies.values() for (item,) in items}
    owned = {name: owned_from(value) for name, value in content.load(connection, "owned", names)}
    records = {name: {owned[item].key: owned[item] for (item,) in items} for name, items in bodies.items()}
    return {host: Ownership(host, path, records[body]) for host, path, body in found}


def _row(known: Ownership, contents: Contents) -> dict[str, Any]:
    body = contents.once("ownership", known.owned, lambda: _body(known.owned, contents)) if known.owned else None
    return {"host": known.host, "path": known.path, "owned": body}


def _body(owned: Mapping[Key, Owned], contents: Contents) -> list[list[str]]:
    return [[contents.once("owned", owned[key], partial(owned_fields, owned[key]))] for key in sorted(owned)]
