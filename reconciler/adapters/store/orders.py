"""Operators' orders in rows and back. None is ever deleted: they tell who had what done, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from reconciler.adapters.store.tables import order
from reconciler.model.order import Order, OrderKind, Orders


def give(connection: Connection, given: Order) -> None:
    """A new order. A pause or pin, or a freeze of the same, that holds already is replaced by it."""
    if given.kind != "override":
        end(connection, given.kind, given.subject, given.who, given.at)
    row = {name: getattr(given, name) for name in ("kind", "subject", "revision", "who", "why", "at", "until")}
    connection.execute(insert(order), row)


def end(connection: Connection, kind: OrderKind, subject: str, who: str, at: datetime) -> bool:
    """Takes an order back; whether there was one that held."""
    found = order.c.kind == kind, order.c.subject == subject, order.c.ended_at.is_(None), _holds(at)
    return connection.execute(update(order).where(*found).values(ended_at=at, ended_by=who)).rowcount > 0


def holding(connection: Connection, now: datetime) -> Orders:
    """The orders that hold at a time."""
    statement = select(order).where(order.c.kind != "override", order.c.ended_at.is_(None), _holds(now))
    found = [_order(row) for row in connection.execute(statement.order_by(order.c.id))]
    return Orders(
        pause=next((o for o in found if o.kind == "pause"), None),
        freezes=tuple(o for o in found if o.kind == "freeze"),
        pins={o.subject: o for o in found if o.kind == "pin"},
    )


def newest(connection: Connection, limit: int) -> list[Order]:
    """All that was ordered, the newest first, whether it holds or not."""
    return [_order(row) for row in connection.execute(select(order).order_by(order.c.id.desc()).limit(limit))]


def _holds(now: datetime) -> Any:
    return or_(order.c.until.is_(None), order.c.until > now)


def _order(row: Row[Any]) -> Order:
    return Order(
        kind=row.kind,
        who=row.who,
        why=row.why,
        at=row.at,
        subject=row.subject,
        until=row.until,
        revision=row.revision,
    )
