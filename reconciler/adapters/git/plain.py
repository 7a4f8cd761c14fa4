"""Text from repositories and remotes, made fit to be shown: one line, nothing that a terminal or an eye obeys."""

from __future__ import annotations

import re

# Direction marks can make a line read as something else than it is.
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Unicode's categories Cc, Cs, Zl and Zp, in this order.
_UNFIT = re.compile(f"[\0-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029{_DIRECTIONS}]")
REPLACEMENT = "\ufffd"


def is_plain(text: str) -> bool:
    """Whether every character can be shown as it is."""
    return _UNFIT.search(text) is None


def plain(text: str | bytes, longest: int = 200) -> str:
    """The text with what is unfit replaced by U+FFFD, cut to `longest` characters."""
    if isinstance(text, bytes):
        text = text[: longest * 4].decode("utf-8", "replace")
    shown = _UNFIT.sub(REPLACEMENT, text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
