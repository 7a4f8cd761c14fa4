"""What was tried without anybody's word, one row a service: a restart does not make the daemon forget its patience."""

from __future__ import annotations

from sqlalchemy import Connection, select

from reconciler.adapters.store.dialect import upsert
from reconciler.adapters.store.tables import attempt
from reconciler.model.attempt import Attempt

_FIELDS = ("service", "revision", "due", "tries", "at", "not_before", "ok", "why", "plan")


def load(connection: Connection) -> dict[str, Attempt]:
    """The last attempt at each service."""
    rows = connection.execute(select(attempt))
    return {row.service: Attempt(**{name: getattr(row, name) for name in _FIELDS}) for row in rows}


def save(connection: Connection, attempts: list[Attempt]) -> None:
    """Replaces those of the same services."""
    if attempts:
        rows = [{name: getattr(each, name) for name in _FIELDS} for each in attempts]
        connection.execute(upsert(connection, attempt), rows)
