"""Looks a store over: the schema, what refers to what, and that every value is what its digest says."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, select, text

from reconciler.adapters.store.content import BATCH, unpack
from reconciler.adapters.store.dialect import Database
from reconciler.adapters.store.tables import content, metadata, plan
from reconciler.core.planning.plan_json import intact, read_plan
from reconciler.model.errors import Stalled


def problems(database: Database) -> list[str]:
    """What is wrong, in words; nothing means that the store is sound."""
    with database.failures(), database.reader.begin() as connection:
        return [*_schema(connection), *_file(connection), *_references(connection), *_contents(connection),
                *_plans(connection)]  # fmt: skip


def _schema(connection: Connection) -> Iterator[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    for difference in compare_metadata(context, metadata):
        yield f"the schema is not as it should be: {difference}"


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for (said,) in connection.execute(text("PRAGMA integrity_check")):
            if said != "ok":
                yield f"the file is damaged: {said}"


def _references(connection: Connection) -> Iterator[str]:
    """Also what a database that checks references would never have taken."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            there = select(key.column.table.c[key.column.name])
            lost = select(key.parent).where(key.parent.is_not(None), key.parent.not_in(there)).limit(3)
            for (name,) in connection.execute(lost):
                yield f"{table.name} refers to {key.target_fullname} {name}, which is not there"


def _contents(connection: Connection) -> Iterator[str]:
    known = set(connection.scalars(select(content.c.digest)))
    for row in connection.execute(select(content).execution_options(yield_per=BATCH)):
        try:
            data = unpack(row.packed, row.data)
            items = orjson.loads(data)
        except (zlib.error, orjson.JSONDecodeError, TypeError) as error:
            yield f"content {row.digest} can't be read: {error}"
            continue
        if hashlib.blake2b(row.kind.encode() + b"\0" + data, digest_size=16).hexdigest() != row.digest:
            yield f"content {row.digest} was altered: it is not what its digest says"
        elif row.kind in ("facts", "ownership") and (lost := {item[-1] for item in items} - known):
            yield f"content {row.digest} refers to {', '.join(sorted(lost)[:3])}, which is not there"


def _plans(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(plan).execution_options(yield_per=100)):
        try:
            data = unpack(row.packed, row.data)
            if not intact(data, row.digest) and read_plan(data).digest != row.digest:
                yield f"plan {row.digest[:8]} is stored under another plan's digest"
        except (Stalled, zlib.error) as error:
            yield f"plan {row.digest[:8]} can't be read: {error}"
