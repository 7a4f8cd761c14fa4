"""Column types that keep a promise on every database: times are UTC, texts can always be written.

Must not know tables.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from reconciler.core.instant import in_utc

# PostgreSQL refuses NUL in text, and no database takes half of a surrogate pair. Both come from hosts.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# SQLite counts up by itself only in a column of exactly this type.
Counter = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A time with a zone, stored in UTC. One without is refused with ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else in_utc(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite has no zones: what it gives back is the UTC that went in.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else in_utc(value)


class Words(TypeDecorator[str]):
    """Text, perhaps from a host: what a database can't hold in a text becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _UNSTORABLE.sub("�", value)
