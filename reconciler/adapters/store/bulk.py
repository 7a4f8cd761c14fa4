"""Writing many rows at once, in the way that is quickest on the database at hand.

SQLite takes a statement for each row as quickly as anything; PostgreSQL takes them as one stream into a table of the
transaction's own, and from there in one statement. Must not know what rows mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Connection, Insert, MetaData, Table, select

from reconciler.adapters.store.dialect import insert_new, upsert

STREAMED: Final = 100
"""Rows from which a stream is worth its three statements."""

Row: TypeAlias = Mapping[str, Any]


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows with all columns; those that are there already stay as they are."""
    _write(connection, table, rows, insert_new)


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts rows with all columns; those that are there already are replaced."""
    _write(connection, table, rows, upsert)


def _write(
    connection: Connection, table: Table, rows: Sequence[Row], how: Callable[[Connection, Table], Insert]
) -> None:
    if not rows:
        return
    if connection.dialect.name != "postgresql" or len(rows) < STREAMED:
        connection.execute(how(connection, table), [dict(row) for row in rows])
        return
    new = Table(f"new_{table.name}", MetaData(), *(Column(c.name, c.type) for c in table.columns))
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {new.name} (LIKE {table.name}) ON COMMIT DROP")
    _stream(connection, new, rows)
    connection.execute(how(connection, table).from_select([c.name for c in table.columns], select(new)))
    connection.exec_driver_sql(f"DROP TABLE {new.name}")


def _stream(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    names = [column.name for column in table.columns]
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as stream:
        for values in _bound(connection, table, rows):
            stream.write_row(values)


def _bound(connection: Connection, table: Table, rows: Sequence[Row]) -> Iterator[list[Any]]:
    """The values as the driver takes them, by the rules of their columns."""
    rules = [
        (c.name, c.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)) for c in table.columns
    ]
    for row in rows:
        yield [rule(row[name]) if rule else row[name] for name, rule in rules]
