"""The store in an SQLite file: making the file, connecting, and what SQLite's errors mean.

Must not know tables.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from reconciler.adapters.store.dialect import RESTORE, WAIT_SECONDS, Database
from reconciler.model.errors import Retry, Stalled

_ROOM: Final = "look at the disk: its space, its quota, whether it is mounted read-only"


def database(path: Path) -> Database:
    """An existing file."""
    engine = sqlite_engine(path)
    writer = engine.execution_options(writes=True)
    return Database(str(path), reader=engine, writer=writer, alone=writer, claims=writer, meaning=meaning)


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
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def make_file(path: Path, create_parent: bool) -> None:
    """An empty file for this user only, if there is none. Raises Stalled when it can't be."""
    try:
        if create_parent:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileNotFoundError:
        raise Stalled(f"the store's directory {path.parent} is not there", "make it, or give another path") from None
    except OSError as error:
        raise Stalled(
            f"the store {path} can't be opened: {error.strerror}",
            "let this user write the file and its directory, or give another path",
        ) from None


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by `_begin`, never by the driver behind our back.
    connection.isolation_level = None
    for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at the start, so that it never fails half-way.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def meaning(error: BaseException, where: str) -> Retry | Stalled | None:
    """What to do about an error of SQLite's."""
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
            return Stalled(f"the store {where} is damaged ({error})", RESTORE)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return Stalled(
                f"the store {where} can't be written ({error})",
                "let this user write the file and its directory (SQLite keeps a journal beside it)",
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return Stalled(f"the store {where} can't be read or written ({error})", _ROOM)
    return None
