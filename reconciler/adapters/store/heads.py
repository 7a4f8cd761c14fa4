"""The little that is looked at of every host first, in one query; and marks of hosts on which all is in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, null, select

from reconciler.adapters.store import bulk
from reconciler.adapters.store.content import batches
from reconciler.adapters.store.tables import in_order, observation, ownership
from reconciler.model.observation import Head


def load(connection: Connection) -> dict[str, Head]:
    """A head for every host that was ever asked or that we own something on."""
    seen = observation.outerjoin(in_order, observation.c.host == in_order.c.host)
    columns = (
        observation.c.host,
        observation.c.observed_at,
        observation.c.fingerprint,
        observation.c.unreachable,
        in_order.c.asked,
        in_order.c.answered,
        ownership.c.host.is_not(null()),
    )
    both = seen.outerjoin(ownership, observation.c.host == ownership.c.host)
    heads = {
        row[0]: Head(row[0], row[1], row[2], row[3], row[4] or "", row[5] or "", row[6])
        for row in connection.execute(select(*columns).select_from(both).order_by(observation.c.host))
    }
    unseen = select(ownership.c.host).where(ownership.c.host.not_in(select(observation.c.host)))
    heads.update((host, Head(host, None, "", "", "", "", owned=True)) for host in connection.scalars(unseen))
    return heads


def note(connection: Connection, found: Mapping[str, tuple[str, str]]) -> None:
    """Marks hosts as in order for what was asked and answered."""
    rows = [{"host": host, "asked": asked, "answered": answered} for host, (asked, answered) in sorted(found.items())]
    bulk.put(connection, in_order, rows)


def end(connection: Connection, hosts: Sequence[str]) -> None:
    """Takes the marks of hosts away: what is on record of them changed."""
    if hosts:
        for names in batches(sorted(hosts)):
            connection.execute(delete(in_order).where(in_order.c.host.in_(names)))
