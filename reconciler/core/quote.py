"""How values that somebody else wrote are shown in our messages: quoted, escaped and shortened.

Must not know where the message goes; each output escapes again for its own format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_LONGEST = 60
SENSITIVE = "(sensitive value)"
"""What stands for a value that nobody may see."""


def quote(value: Any) -> str:
    """A value as it would stand in JSON, without anything that a terminal could act on."""
    if isinstance(value, dict):
        return "a mapping" if value else "{}"
    if isinstance(value, list | tuple):
        return "a list" if value else "[]"
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        return "".join(c if c.isprintable() else _escape(c) for c in json.dumps(cut, ensure_ascii=False))
    return json.dumps(value)


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or nothing."""
    by_lower = {each.lower(): each for each in sorted(known)}
    near = get_close_matches(word[:_LONGEST].lower(), by_lower, n=1)
    return f"did you mean {quote(by_lower[near[0]])}?" if near else ""


def listing(words: Iterable[str]) -> str:
    """`a, b and c`, shortened when there are many."""
    items = list(words)
    if len(items) > 8:
        return ", ".join(items[:8]) + f" and {len(items) - 8} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
