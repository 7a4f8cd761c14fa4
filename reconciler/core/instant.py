"""Moments as text: RFC 3339 in UTC with a `Z`. Knows no clock; a time without a zone is a bug and is refused."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for one without a zone, since nobody can know what it means."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


def to_text(moment: datetime) -> str:
    """`2026-11-23T10:02:11Z`, with microseconds where there are some."""
    return in_utc(moment).replace(tzinfo=None).isoformat() + "Z"


def from_text(text: str) -> datetime:
    """The moment that `to_text` wrote. Raises ValueError for anything without a zone."""
    return in_utc(datetime.fromisoformat(text))
