"""Leases in rows: taking, renewing and giving back, by the database's own clock.

A lease is taken in one transaction with a new epoch, so that of two takers one comes after the other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from reconciler.adapters.store.dialect import upsert
from reconciler.adapters.store.tables import identity, lease
from reconciler.model.errors import Stalled, Taken
from reconciler.model.lease import Lease


def take(connection: Connection, purpose: str, owner: str, seconds: float | None) -> Lease:
    """A lease under a new epoch. `seconds` is None where a lock file decides who may have it.

    Raises Taken, saying who, while somebody else has it.
    """
    # This comes first: it makes takers wait for each other.
    epoch = connection.execute(update(identity).values(epoch=identity.c.epoch + 1).returning(identity.c.epoch)).scalar()
    now = _now(connection)
    held = holder(connection, purpose)
    if held and seconds is not None and held.expires_at and held.expires_at > now:
        raise taken(held)
    ends = None if seconds is None else now + timedelta(seconds=seconds)
    new = Lease(purpose, owner, int(epoch or 0), now, ends)
    row = {"purpose": purpose, "owner": owner, "epoch": new.epoch, "since": now, "expires_at": ends}
    connection.execute(upsert(connection, lease), row)
    return new


def renew(connection: Connection, held: Lease, seconds: float) -> bool:
    """Whether it was ours still, and is for so long again."""
    now = _now(connection)
    mine = (lease.c.purpose == held.purpose) & (lease.c.epoch == held.epoch) & (lease.c.expires_at > now)
    done = connection.execute(update(lease).where(mine).values(expires_at=now + timedelta(seconds=seconds)))
    return done.rowcount == 1


def give_back(connection: Connection, held: Lease) -> None:
    """Ends it, unless somebody else has taken it by now."""
    connection.execute(delete(lease).where(lease.c.purpose == held.purpose, lease.c.epoch == held.epoch))


def holder(connection: Connection, purpose: str) -> Lease | None:
    """Who has it or had it last without giving it back."""
    row = connection.execute(select(lease).where(lease.c.purpose == purpose)).first()
    return None if row is None else _lease(row)


def check(connection: Connection, epoch: int) -> None:
    """Raises Stalled unless the lease of this epoch is in force. It stays so until the transaction ends."""
    row = connection.execute(select(lease).where(lease.c.epoch == epoch).with_for_update()).first()
    if row is None or (row.expires_at is not None and row.expires_at <= _now(connection)):
        raise lost(epoch)


def lost(epoch: int) -> Stalled:
    """For a holder that is none any more."""
    return Stalled(
        f"the lease of epoch {epoch} is over: this process was paused or cut off, and another one may have taken over",
        "look at `reconciler runs`; the next apply asks the hosts that are in doubt",
    )


def taken(held: Lease) -> Taken:
    """For whoever comes second."""
    until = f", its lease ends {held.expires_at:%H:%M:%S} UTC" if held.expires_at else ""
    return Taken(
        f"another {held.purpose} is running ({held.owner}, since {held.since:%Y-%m-%d %H:%M:%S} UTC{until})",
        "wait until it ends, or end it",
    )


def _now(connection: Connection) -> datetime:
    """The database's time, now; not that of the transaction's begin, which may have waited for a lock."""
    if connection.dialect.name == "postgresql":
        at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return at.astimezone(UTC)
    return datetime.now(UTC)  # a file's database has the clock of the process that opened it


def _lease(row: Row[Any]) -> Lease:
    return Lease(row.purpose, row.owner, row.epoch, row.since, row.expires_at)
