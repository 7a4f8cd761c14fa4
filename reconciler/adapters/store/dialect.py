"""What differs between databases for those who write statements: upserts, kinds of transactions, what errors mean.

How a database is reached is in `sqlite` and `postgresql`; the other modules write SQL that every database takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine, Insert, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, StatementError

from reconciler.model.errors import Retry, Stalled

WAIT_SECONDS: Final = 10
"""How long a statement waits for another process's transaction."""

RESTORE: Final = "restore it from a backup, or move it away and begin with an empty one (ownership is then forgotten)"

Meaning: TypeAlias = Callable[[BaseException, str], Retry | Stalled | None]
"""What a driver's error means for the store of this name; None for one that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the tables are. `where` names it for people, without a password.

    The engines begin transactions: `reader` sees one state of everything; `writer` holds its lock from the start;
    `alone` keeps all other writers out; `claims` waits for nobody, for leases that must be renewed in time.
    """

    where: str
    reader: Engine
    writer: Engine
    alone: Engine
    claims: Engine
    meaning: Meaning

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turns the driver's errors into what to do about them."""
        try:
            yield
        except StatementError as error:
            if isinstance(error.orig, ValueError):
                raise error.orig from None  # a column type refused the value
            if isinstance(error, DBAPIError) and error.orig and (meant := self.meaning(error.orig, self.where)):
                raise meant from error
            raise

    def close(self) -> None:
        # The others are views of the same pool of connections.
        self.reader.dispose()


def others_wrote(connection: Connection) -> object:
    """A mark that is another one whenever something else than this very connection has written; None if nobody can
    tell. To be asked within a transaction."""
    if connection.dialect.name != "sqlite":
        return None
    # Counts up with the commits of other connections, as this one sees them.
    version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return id(connection.connection.dbapi_connection), version


def insert_new(connection: Connection, table: Table) -> Insert:
    """An insert that leaves rows alone which are there already."""
    statement: Insert = _insert(connection, table).on_conflict_do_nothing()
    return statement


def upsert(connection: Connection, table: Table) -> Insert:
    """An insert that replaces the other columns of rows which are there already."""
    new_row = _insert(connection, table)
    key = [column.name for column in table.primary_key]
    new = {column.name: new_row.excluded[column.name] for column in table.columns if column.name not in key}
    statement: Insert = new_row.on_conflict_do_update(index_elements=key, set_=new)
    return statement


def _insert(connection: Connection, table: Table) -> Any:
    # Any: the two dialects have the same clauses, but no common type.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def damaged(where: str, what: str) -> Stalled:
    """For content that the database gave back, but that isn't what was put in."""
    return Stalled(f"the store {where} is damaged: {what}", RESTORE)
