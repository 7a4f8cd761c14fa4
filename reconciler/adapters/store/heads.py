"""The little that is looked at of every host first, in one query; and marks of hosts on which all is in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, func, null, select

from reconciler.adapters.store import bulk
from reconciler.adapters.store.content import batches
from reconciler.adapters.store.tables import in_order, observation, ownership
from reconciler.model.observation import Head, InOrder


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
    heads = {row[0]: Head._make(row) for row in connection.execute(known)}
    heads.update((host, Head(host, None, "", "", "", "", "", owned=True)) for host in connection.scalars(unseen))
    return heads


def note(connection: Connection, found: Mapping[str, InOrder]) -> None:
    """Marks hosts as in order for what was asked and answered."""
    bulk.put(connection, in_order, [{"host": host, **mark._asdict()} for host, mark in sorted(found.items())])


def end(connection: Connection, hosts: Sequence[str]) -> None:
    """Takes the marks of hosts away: what is on record of them changed."""
    if hosts:
        for names in batches(sorted(hosts)):
            connection.execute(delete(in_order).where(in_order.c.host.in_(names)))
