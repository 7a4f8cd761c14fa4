"""Rows as the driver gives them, many at once: where SQLAlchemy makes an object of each, reading costs twice as much.

Knows no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, CursorResult

PIECE = 1000
"""Rows at once: few enough to be still at hand when something is made of them."""


def pieces(result: CursorResult[Any]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """All rows of a result, none of the pieces empty. What a column's type makes of values is left to do: `reader`."""
    cursor = result.cursor
    while cursor is not None and (rows := cursor.fetchmany(PIECE)):
        yield rows
    result.close()


def reader(connection: Connection, column: Column[Any]) -> Callable[[Any], Any]:
    """What makes of the driver's value what the column's type promises, of each different value once."""
    dialect = connection.dialect
    read = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return (lambda value: value) if read is None else cache(read)
