"""Everything that depends on which database it is: connecting, locking, upserts, and what its errors mean.

The other modules write SQL that every database takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import QueuePool

from reconciler.model.errors import Retry, Stalled

WAIT_SECONDS: Final = 10
"""How long a statement waits for another process's transaction."""

_RESTORE = "restore it from a backup, or move it away and begin with an empty one (ownership is then forgotten)"
_ROOM = "look at the disk: its space, its quota, whether it is mounted read-only"


def sqlite_engine(path: Path) -> Engine:
    """An engine on an existing file, with a single connection.

    Python ships SQLite versions whose write-ahead log can corrupt a file when several connections write, so we
    keep the rollback journal, and one connection for each process.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def writer(engine: Engine) -> Engine:
    """The same engine, for transactions that write: they take their lock at the start, so they never fail half-way."""
    return engine.execution_options(writes=True)


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


@contextmanager
def failures(where: str) -> Iterator[None]:
    """Turns the database's errors into what to do about them. `where` names the store for people."""
    try:
        yield
    except StatementError as error:
        if isinstance(error.orig, ValueError):
            raise error.orig from None  # a column type refused the value
        if isinstance(error.orig, sqlite3.Error) and (meaning := _sqlite_meaning(error.orig, where)):
            raise meaning from error
        raise


def _insert(connection: Connection, table: Table) -> Any:
    # Any: the two dialects have the same clauses, but no common type.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by `_begin`, never by the driver behind our back.
    connection.isolation_level = None
    for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _sqlite_meaning(error: sqlite3.Error, where: str) -> Retry | Stalled | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Retry(
                f"the store {where} is busy: another process has been writing for more than {WAIT_SECONDS} s",
                "try again; if it stays so, look for the process that has the file open",
            )
        case sqlite3.SQLITE_NOTADB:
            return Stalled(f"{where} is not a store: it is no SQLite database", "give the path of another file")
        case sqlite3.SQLITE_CORRUPT:
            return Stalled(f"the store {where} is damaged ({error})", _RESTORE)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return Stalled(
                f"the store {where} can't be written ({error})",
                "let this user write the file and its directory (SQLite keeps a journal beside it)",
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return Stalled(f"the store {where} can't be read or written ({error})", _ROOM)
    return None


def damaged(where: str, what: str) -> Stalled:
    """For content that the database gave back, but that isn't what was put in."""
    return Stalled(f"the store {where} is damaged: {what}", _RESTORE)
