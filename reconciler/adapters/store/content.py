"""Values kept once, under the digest of what they are. Knows JSON and digests, not what the values mean."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import orjson
from sqlalchemy import Connection, Select, Table, bindparam, delete, select

from reconciler.adapters.store import bulk
from reconciler.adapters.store.driver import pieces
from reconciler.adapters.store.tables import content, episode, host_outcome, intent, observation, outcome, ownership
from reconciler.model.digest import canonical

Kind: TypeAlias = Literal["fact", "facts", "since", "owned", "ownership", "hosts", "manner"]

BATCH = 1000
"""Values in one statement: below every database's limit of parameters."""
_WORTH_PACKING = 256

_REFERENCES = (
    observation.c.facts,
    observation.c.since,
    ownership.c.owned,
    outcome.c.hosts,
    host_outcome.c.hosts,
    intent.c.hosts,
    episode.c.manner,
    episode.c.hosts,
)


class Contents:
    """The contents that one transaction refers to. Objects that come again are worked out once."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Kind, bytes]] = {}
        # The object is kept beside its digest: an id means something only while the object lives.
        self._seen: dict[int, tuple[object, str]] = {}

    def add(self, kind: Kind, value: Any) -> str:
        """The digest under which plain JSON `value` will be."""
        data = canonical(value)
        name = hashlib.blake2b(kind.encode() + b"\0" + data, digest_size=16).hexdigest()
        self._values[name] = (kind, data)
        return name

    def once(self, kind: Kind, thing: object, value: Callable[[], Any]) -> str:
        """As `add` of `value()`, which is asked for only the first time that `thing` comes."""
        seen = self._seen.get(id(thing))
        if seen is None:
            seen = self._seen[id(thing)] = (thing, self.add(kind, value()))
        return seen[1]

    def save(self, connection: Connection) -> None:
        """Writes those that are not there yet."""
        for names in batches(sorted(self._values)):
            there = set(connection.scalars(select(content.c.digest).where(content.c.digest.in_(names))))
            bulk.add(connection, content, [self._row(name) for name in names if name not in there])

    def _row(self, name: str) -> dict[str, Any]:
        kind, data = self._values[name]
        return {"digest": name, "kind": kind, **pack(data)}


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items in pieces of at most `BATCH`."""
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


def pack(data: bytes) -> dict[str, Any]:
    """The columns `packed` and `data`: compressed where that saves something."""
    small = zlib.compress(data) if len(data) >= _WORTH_PACKING else data
    return {"packed": len(small) < len(data), "data": min(small, data, key=len)}


def unpack(packed: bool, data: bytes) -> bytes:
    """The bytes that `pack` took. Raises zlib.error when they were damaged."""
    return zlib.decompress(data) if packed else data


def load(connection: Connection, kind: Kind, names: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """All values of a kind (or those of these names) with their digests, one after another: they are larger as JSON
    than what is made of them. Raises KeyError when one is missing."""
    columns = select(content.c.digest, content.c.packed, content.c.data)
    if names is None:
        wanted: Iterable[Select[Any]] = [columns.where(content.c.kind == kind)]
    else:
        wanted = (columns.where(content.c.digest.in_(some)) for some in batches(sorted(set(names))))
    found = (row for statement in wanted for rows in pieces(connection.execute(statement)) for row in rows)
    return ((digest, orjson.loads(unpack(packed, data))) for digest, packed, data in found)


def rows_of(connection: Connection, table: Table, hosts: Collection[str] | None) -> list[tuple[Any, ...]]:
    """The rows of these hosts (None: all) in the order of their names, as the driver gives them."""
    every = select(table).order_by(table.c.host)
    wanted = [every] if hosts is None else [every.where(table.c.host.in_(some)) for some in batches(sorted(hosts))]
    return [row for statement in wanted for rows in pieces(connection.execute(statement)) for row in rows]


def compact(connection: Connection) -> int:
    """Deletes the contents that nothing refers to any more, and says how many."""
    used = {name for column in _REFERENCES for name in connection.scalars(select(column).distinct())}
    # A host's facts and ownership are lists whose items end with the digest of another content.
    for kind in ("facts", "ownership"):
        for name, items in load(connection, kind):
            if name in used:
                used.update(item[-1] for item in items)
    unused = sorted(set(connection.scalars(select(content.c.digest))) - used)
    statement = delete(content).where(content.c.digest == bindparam("name"))
    for names in batches(unused):
        connection.execute(statement, [{"name": name} for name in names])
    return len(unused)
