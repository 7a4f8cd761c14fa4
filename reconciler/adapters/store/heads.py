"""The little that is looked at of every host first, in one query; and marks of hosts on which all is in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, CursorResult, delete, func, null, select

from reconciler.adapters.store import bulk
from reconciler.adapters.store.content import batches
from reconciler.adapters.store.tables import in_order, observation, ownership
from reconciler.model.observation import Head, InOrder

_AT, _OWNED = Head._fields.index("observed_at"), Head._fields.index("owned")
_head = partial(tuple.__new__, Head)


def load(connection: Connection, hosts: Collection[str] | None = None) -> dict[str, Head]:
    """A head for each of these hosts (None: all) that was ever asked or that we own something on."""
    if hosts is None:
        return _loaded(connection, None)
    return {host: head for names in batches(sorted(hosts)) for host, head in _loaded(connection, names).items()}


def _loaded(connection: Connection, names: Sequence[str] | None) -> dict[str, Head]:
    seen = observation.outerjoin(in_order, observation.c.host == in_order.c.host)
    columns = (
        observation.c.host,
        observation.c.observed_at,
        observation.c.fingerprint,
        observation.c.unreachable,
        func.coalesce(in_order.c.asked, ""),
        func.coalesce(in_order.c.answered, ""),
        func.coalesce(in_order.c.alike, ""),
        ownership.c.host.is_not(null()),
        observation.c.identity,
    )
    both = seen.outerjoin(ownership, observation.c.host == ownership.c.host)
    known = select(*columns).select_from(both).order_by(observation.c.host)
    unseen = select(ownership.c.host).where(ownership.c.host.not_in(select(observation.c.host)))
    if names is not None:
        known = known.where(observation.c.host.in_(names))
        unseen = unseen.where(ownership.c.host.in_(names))
    heads = _made(connection, connection.execute(known))
    heads.update((host, Head(host, None, "", "", "", "", "", owned=True)) for host in connection.scalars(unseen))
    return heads


def _made(connection: Connection, result: CursorResult[Any]) -> dict[str, Head]:
    """By whole columns, and as the driver gives them: made row by row, a fleet's heads cost as much as its plan."""
    columns = list(zip(*result.cursor.fetchall(), strict=True)) if result.cursor else []
    if not columns:
        return {}
    read = observation.c.observed_at.type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
    columns[_AT] = _each(columns[_AT], read) if read else columns[_AT]
    columns[_OWNED] = tuple(map(bool, columns[_OWNED]))
    return dict(zip(columns[0], map(_head, zip(*columns, strict=True)), strict=True))


def _each(values: Sequence[Any], read: Callable[[Any], Any]) -> tuple[Any, ...]:
    """What values say, each different one read once: hosts answer in sweeps."""
    said = {value: read(value) for value in set(values)}
    return tuple(map(said.__getitem__, values))


def note(connection: Connection, found: Mapping[str, InOrder]) -> None:
    """Marks hosts as in order for what was asked and answered."""
    bulk.put(connection, in_order, [{"host": host, **mark._asdict()} for host, mark in sorted(found.items())])


def end(connection: Connection, hosts: Sequence[str]) -> None:
    """Takes the marks of hosts away: what is on record of them changed."""
    if hosts:
        for names in batches(sorted(hosts)):
            connection.execute(delete(in_order).where(in_order.c.host.in_(names)))
