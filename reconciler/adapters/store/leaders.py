"""Who led: a row for each daemon that took the lead. Its number is the epoch of the leadership."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert

from reconciler.adapters.store.tables import leader

KEPT = 100


def begin(connection: Connection, owner: str) -> int:
    """A new epoch. The time is only for people."""
    row = {"owner": owner, "since": datetime.now(UTC)}
    epoch = int(connection.execute(insert(leader).returning(leader.c.epoch), row).scalar_one())
    connection.execute(delete(leader).where(leader.c.epoch <= epoch - KEPT))
    return epoch
