"""Rows that are there once: ticks of schedules, and webhooks that were seen. Who writes the row first has it. A webhook
that came to a standby waits in its row for whoever leads.

Old ones are dropped as new ones come, so the tables stay small.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from reconciler.adapters.store.dialect import insert_new
from reconciler.adapters.store.tables import delivery, tick

KEPT = timedelta(hours=1)
"""A tick that comes again so long after one of its schedule that came later would be far too late for anything."""
DELIVERIES_KEPT = timedelta(days=7)
DELIVERIES = 50_000


def claim(connection: Connection, schedule: str, fire_time: datetime) -> bool:
    """Whether the tick is ours: nobody had it before."""
    row = {"schedule": schedule, "fire_time": fire_time}
    ours = connection.execute(insert_new(connection, tick).returning(tick.c.schedule), row).first() is not None
    connection.execute(delete(tick).where(tick.c.schedule == schedule, tick.c.fire_time < fire_time - KEPT))
    return ours


def see(connection: Connection, source: str, name: str, at: datetime, waits: bool) -> bool:
    """Whether the delivery is seen for the first time. When the table is full, nothing is: better no hint than no
    bound."""
    connection.execute(delete(delivery).where(delivery.c.at < at - DELIVERIES_KEPT))
    if connection.execute(select(func.count()).select_from(delivery)).scalar_one() >= DELIVERIES:
        return False
    row = {"source": source, "name": name, "at": at, "waits": waits}
    return connection.execute(insert_new(connection, delivery).returning(delivery.c.name), row).first() is not None


def any_waits(connection: Connection) -> bool:
    """Whether a delivery waits for whoever leads."""
    return connection.execute(select(delivery.c.name).where(delivery.c.waits).limit(1)).first() is not None


def take_waiting(connection: Connection) -> bool:
    """Whether any did. None does any more."""
    return connection.execute(update(delivery).where(delivery.c.waits).values(waits=False)).rowcount > 0
