"""Backups: a store copied whole into an SQLite file, and back into a store on any database.

A backup is a store itself, so one format serves both databases, and moves a store from one to the other. It is one
state of everything, also while the store is in use.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Integer, delete, func, select, text, update

from reconciler.adapters.store import bulk, schema, sqlite
from reconciler.adapters.store.content import BATCH
from reconciler.adapters.store.dialect import WAIT_SECONDS, Database
from reconciler.adapters.store.tables import identity, lease, metadata, observation, ownership, run
from reconciler.model.errors import Stalled

JUMP: Final = 1_000_000_000
"""How much higher epochs go on after a restore. What was handed out since the backup is not known, but hosts remember
it and refuse anything lower; no store hands out so many."""

_TABLES: Final = [table for table in metadata.sorted_tables if table is not lease]
"""In an order in which what refers comes after what it refers to. Leases are of the moment."""


def backup(source: Database, target: Path) -> None:
    """Writes all of a store into a new file, for this user only. Raises Stalled when that is there or can't be."""
    target = target.absolute()
    if target.exists():
        raise Stalled(f"{target} is there already", "give the name of a new file")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        sqlite.make_file(part, create_parent=False)
        if source.reader.dialect.name == "sqlite":
            _copy_pages(Path(str(source.reader.url.database)), part)
        else:
            _copy_out(source, part)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def restore(target: Database, source: Path, replace: bool) -> int:
    """Puts a backup into a store; answers the epoch after which it goes on.

    Raises Stalled when the store has something in it (unless it is to be replaced), or the backup is none. The backup
    itself stays as it is.
    """
    if not source.is_file():
        raise Stalled(f"there is no backup {source}", "give the file that `reconciler store backup` wrote")
    copy = source.absolute().with_name(f".{source.name}.{os.getpid()}")
    try:
        sqlite.make_file(copy, create_parent=False)
        _copy_pages(source, copy)
        with contextlib.closing(sqlite.database(copy)) as opened, opened.failures():
            schema.bring_to_head(opened)
            with opened.reader.begin() as old, target.alone.begin() as new:
                return _replace(old, new, replace)
    finally:
        copy.unlink(missing_ok=True)


def _copy_out(source: Database, part: Path) -> None:
    with contextlib.closing(sqlite.database(part)) as opened, opened.failures():
        schema.bring_to_head(opened)
        with source.reader.begin() as old, opened.writer.begin() as new:
            new.execute(delete(identity))
            _copy_rows(old, new)


def _copy_pages(source: Path, target: Path) -> None:
    """By SQLite's own means, which see one state of the file."""
    try:
        with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
            old.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
            old.backup(new)
    except sqlite3.Error as error:
        raise sqlite.meaning(error, str(source)) or Stalled(f"{source} can't be copied ({error})") from error


def _replace(old: Connection, new: Connection, replace: bool) -> int:
    used = any(new.execute(select(table).limit(1)).first() for table in (observation, ownership, run))
    if used and not replace:
        raise Stalled("the store that would be restored has something in it", "say --replace, or name a new store")
    epochs = [int(connection.execute(select(identity.c.epoch)).scalar_one()) for connection in (old, new)]
    for table in reversed(_TABLES):
        new.execute(delete(table))
    _copy_rows(old, new)
    new.execute(update(identity).values(epoch=max(epochs) + JUMP))
    return max(epochs) + JUMP


def _copy_rows(old: Connection, new: Connection) -> None:
    for table in _TABLES:
        rows = old.execute(select(table).execution_options(yield_per=BATCH)).mappings()
        for page in rows.partitions(BATCH):
            bulk.add(new, table, [dict(row) for row in page])
        if new.dialect.name == "postgresql" and "id" in table.c and isinstance(table.c.id.type, Integer):
            # Rows came with their numbers; the next new one must come after them.
            highest = select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
            new.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), highest, text("false"))))
