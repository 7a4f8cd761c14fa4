"""The little that is looked at of every host first, in one query; and marks of hosts on which all is in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from sys import intern
from typing import Any

from sqlalchemy import Connection, delete, func, select

from reconciler.adapters.store import bulk
from reconciler.adapters.store.content import batches
from reconciler.adapters.store.driver import pieces, reader
from reconciler.adapters.store.tables import in_order, observation, ownership
from reconciler.model.observation import Head, InOrder

_head = partial(tuple.__new__, Head)
_known = select(
    observation.c.host,
    observation.c.observed_at,
    observation.c.fingerprint,
    observation.c.unreachable,
    func.coalesce(in_order.c.asked, ""),
    # Of nearly every host that is what it said: no other text is made for that then.
    func.nullif(func.coalesce(in_order.c.answered, ""), observation.c.fingerprint),
    func.coalesce(in_order.c.alike, ""),
    observation.c.identity,
).select_from(observation.outerjoin(in_order, observation.c.host == in_order.c.host))


def load(connection: Connection, hosts: Collection[str] | None = None) -> dict[str, Head]:
    """A head for each of these hosts (None: all) that was ever asked or that we own something on."""
    if hosts is None:
        return _loaded(connection, None)
    return {host: head for names in batches(sorted(hosts)) for host, head in _loaded(connection, names).items()}


def _loaded(connection: Connection, names: Sequence[str] | None) -> dict[str, Head]:
    # Records are asked for by themselves: their hosts are looked up here faster than the database joins them.
    records = select(ownership.c.host)
    known = _known.order_by(observation.c.host)
    if names is not None:
        records = records.where(ownership.c.host.in_(names))
        known = known.where(observation.c.host.in_(names))
    owned = {host for rows in pieces(connection.execute(records)) for (host,) in rows}
    read = reader(connection, observation.c.observed_at)
    heads: dict[str, Head] = {}
    for rows in pieces(connection.execute(known)):
        heads.update(_made(rows, owned, read))
    heads.update((host, Head(host, None, "", "", "", "", "", owned=True)) for host in sorted(owned - heads.keys()))
    return heads


def _made(
    rows: Sequence[tuple[Any, ...]], owned: Collection[str], read: Callable[[Any], Any]
) -> Iterator[tuple[str, Head]]:
    """By whole columns, and as the driver gives them: made row by row, a fleet's heads cost as much as its plan."""
    hosts, given, said, unreachable, asked, other, alike, identities = zip(*rows, strict=True)
    answered = [told if answer is None else answer for told, answer in zip(said, other, strict=True)]
    columns = hosts, map(read, given), said, unreachable, asked, answered, map(intern, alike)
    return zip(hosts, map(_head, zip(*columns, map(owned.__contains__, hosts), identities, strict=True)), strict=True)


def note(connection: Connection, found: Mapping[str, InOrder]) -> None:
    """Marks hosts as in order for what was asked and answered."""
    bulk.put(connection, in_order, [{"host": host, **mark._asdict()} for host, mark in sorted(found.items())])


def end(connection: Connection, hosts: Sequence[str]) -> None:
    """Takes the marks of hosts away: what is on record of them changed."""
    if hosts:
        for names in batches(sorted(hosts)):
            connection.execute(delete(in_order).where(in_order.c.host.in_(names)))
