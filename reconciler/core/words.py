"""Small pieces of language that all outputs share, so that one thing is always said in one way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

Style = Literal["", "create", "update", "delete", "restart", "dim", "bold", "warn"]


class Line(NamedTuple):
    """A line of text output. The style only repeats in colour what the text says."""

    text: str
    style: Style = ""


MARKS = {"create": "+", "update": "~", "delete": "-", "restart": "↻", "reload": "↻"}
_NAMES_SHOWN = 5
_VALUE_WIDTH = 60


def printable(text: str) -> str:
    """Text from Git or a host as one line that can't move the cursor, hide or reorder anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 host`, `12,431 hosts`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def names(hosts: Sequence[str]) -> str:
    """The first few names, and how many more. A single one more is named too: that is as short."""
    if len(hosts) <= _NAMES_SHOWN + 1:
        return ", ".join(hosts)
    return f"{', '.join(hosts[:_NAMES_SHOWN])} and {len(hosts) - _NAMES_SHOWN:,} more"


def where(hosts: Sequence[str]) -> str:
    """One host by its name; more as `3 hosts (a, b, c)`."""
    return hosts[0] if len(hosts) == 1 else f"{counted(len(hosts), 'host')} ({names(hosts)})"


def value(any_value: Any) -> str:
    """A field's value, short and on one line."""
    match any_value:
        case None:
            return "(none)"
        case bool():
            return "true" if any_value else "false"
        case str() if any_value.startswith("sha256:"):
            return f"sha256 {any_value[7:11]}…"
        case str():
            text = printable(any_value) if any_value else '""'
        case list() | tuple():
            text = ", ".join(value(item) for item in any_value) or "(empty)"
        case dict():
            text = ", ".join(f"{printable(str(k))}={value(v)}" for k, v in sorted(any_value.items())) or "(empty)"
        case _:
            text = str(any_value)
    return text if len(text) <= _VALUE_WIDTH else text[: _VALUE_WIDTH - 1] + "…"


def ago(then: datetime | None, now: datetime) -> str:
    """`4 min ago`; the unit that reads best."""
    if then is None:
        return "never"
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def since(then: datetime | None, now: datetime) -> str:
    """`since 09:14 UTC today` or with the date: people in several places read the same text."""
    if then is None:
        return ""
    if then.date() == now.date():
        return f"since {then:%H:%M} UTC today"
    return f"since {then:%Y-%m-%d %H:%M} UTC"
