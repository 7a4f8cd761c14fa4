"""Text from repositories and remotes, made fit to be shown: one line, nothing that a terminal or an eye obeys."""

from __future__ import annotations

import unicodedata

# Direction marks can make a line read as something else than it is.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})
REPLACEMENT = "\ufffd"


def is_plain(text: str) -> bool:
    """Whether every character can be shown as it is."""
    return not any(_unfit(c) for c in text)


def plain(text: str | bytes, longest: int = 200) -> str:
    """The text with what is unfit replaced by U+FFFD, cut to `longest` characters."""
    if isinstance(text, bytes):
        text = text[: longest * 4].decode("utf-8", "replace")
    shown = "".join(REPLACEMENT if _unfit(c) else c for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _unfit(character: str) -> bool:
    return unicodedata.category(character) in _UNFIT or character in _DIRECTIONS
