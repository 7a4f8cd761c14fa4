"""Notices that wait to be sent, and what was told, in rows: the `Outbox` port.

What is written with one call is there as a whole or not at all, and a claim is a row that one transaction changed. Must
not know what is worth telling, nor how it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update

from reconciler.adapters.store import leases
from reconciler.adapters.store.dialect import insert_new
from reconciler.adapters.store.tables import notice, outgoing, told
from reconciler.core.notifying.channel import Parcel
from reconciler.core.notifying.notice_json import notice_document, read_notice
from reconciler.model.notice import Notice, Outgoing, Told, Topic

Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]

KEPT = timedelta(days=30)
"""How long it is remembered that a notice was sent."""
_FIELDS = ("kind", "service", "revision", "plan", "times", "at", "open")


class SqlOutbox:
    """See `ports.outbox`."""

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def told(self) -> Mapping[Topic, Told]:
        with self._reading() as connection:
            found = [Told(**{name: getattr(row, name) for name in _FIELDS}) for row in connection.execute(select(told))]
        return {each.topic: each for each in found}

    def put(self, notices: Sequence[tuple[str, Notice]], told_now: Sequence[Told], at: datetime, epoch: int) -> int:
        with self._writing() as connection:
            leases.check(connection, epoch)
            _forget(connection, at - KEPT)
            _tell(connection, told_now)
            new = [(channel, each) for channel, each in notices if _is_new(connection, each)]
            rows = [_row(channel, each) for channel, each in notices]
            if rows:
                connection.execute(insert_new(connection, outgoing), rows)
            return len(new)

    def waiting(self, limit: int = 2000) -> list[Outgoing]:
        columns = (notice.c.document, outgoing.c.channel, outgoing.c.due, outgoing.c.tries)
        statement = select(*columns).join_from(outgoing, notice).where(outgoing.c.sent_at.is_(None))
        with self._reading() as connection:
            rows = connection.execute(statement.order_by(notice.c.at, notice.c.id, outgoing.c.channel).limit(limit))
            return [_outgoing(row) for row in rows]

    def messages(self, since: datetime) -> Mapping[str, int]:
        count = func.count(outgoing.c.message.distinct()).label("messages")
        statement = select(outgoing.c.channel, count).where(outgoing.c.sent_at > since).group_by(outgoing.c.channel)
        with self._reading() as connection:
            return {row.channel: row.messages for row in connection.execute(statement)}

    def claim(self, parcel: Parcel, now: datetime, until: datetime) -> Collection[str]:
        free = or_(outgoing.c.claimed_until.is_(None), outgoing.c.claimed_until <= now)
        with self._writing() as connection:
            statement = update(outgoing).where(_these(parcel), outgoing.c.sent_at.is_(None), free)
            rows = connection.execute(statement.values(claimed_until=until).returning(outgoing.c.notice))
            return frozenset(row.notice for row in rows)

    def sent(self, channel: str, ids: Collection[str], at: datetime) -> None:
        with self._writing() as connection:
            of_channel = and_(outgoing.c.channel == channel, outgoing.c.notice.in_(list(ids)))
            connection.execute(
                update(outgoing).where(of_channel).values(sent_at=at, message=min(ids), claimed_until=None)
            )

    def missed(self, channel: str, ids: Collection[str], due: datetime) -> None:
        waits = and_(outgoing.c.channel == channel, outgoing.c.sent_at.is_(None))
        with self._writing() as connection:
            tried = update(outgoing).where(waits, outgoing.c.notice.in_(list(ids)))
            connection.execute(tried.values(tries=outgoing.c.tries + 1, claimed_until=None))
            connection.execute(update(outgoing).where(waits, outgoing.c.due < due).values(due=due))

    def give_up(self, before: datetime) -> int:
        old = select(notice.c.id).where(notice.c.at < before)
        with self._writing() as connection:
            gone = delete(outgoing).where(outgoing.c.sent_at.is_(None), outgoing.c.notice.in_(old))
            return connection.execute(gone).rowcount


def _tell(connection: Connection, told_now: Sequence[Told]) -> None:
    """Who led before and does not know it yet must not count back: an id that comes again would be taken for sent."""
    rows = [{name: getattr(each, name) for name in _FIELDS} for each in told_now]
    if rows:
        connection.execute(insert_new(connection, told), rows)
    for row in rows:
        same = and_(told.c.kind == row["kind"], told.c.service == row["service"], told.c.times <= row["times"])
        connection.execute(update(told).where(same).values(**row))


def _these(parcel: Parcel) -> Any:
    return and_(outgoing.c.channel == parcel.channel, outgoing.c.notice.in_([each.id for each in parcel.notices]))


def _is_new(connection: Connection, new: Notice) -> bool:
    row = {"id": new.id, "at": new.at, "document": orjson.dumps(notice_document(new))}
    return connection.execute(insert_new(connection, notice).returning(notice.c.id), row).first() is not None


def _row(channel: str, new: Notice) -> dict[str, Any]:
    return {"notice": new.id, "channel": channel, "due": new.at, "tries": 0, "claimed_until": None}


def _outgoing(row: Row[Any, Any, Any, Any]) -> Outgoing:
    return Outgoing(read_notice(orjson.loads(row.document)), row.channel, row.due, row.tries)


def _forget(connection: Connection, before: datetime) -> None:
    """What was sent, or told and is over, long ago."""
    connection.execute(delete(outgoing).where(outgoing.c.sent_at < before))
    kept = select(outgoing.c.notice)
    connection.execute(delete(notice).where(notice.c.at < before, notice.c.id.not_in(kept)))
    connection.execute(delete(told).where(told.c.at < before, told.c.open.is_(False)))
