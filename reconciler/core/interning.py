"""One object for equal values: a fleet's hosts have few different vars. Must not know whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

_MOST = 50_000
"""Values that are remembered. Where there are more different ones, little is won."""


class InternedVars:
    """Gives for a mapping of plain values the first that was equal to it, to the types and the order in it."""

    def __init__(self) -> None:
        self._first: dict[bytes, Mapping[str, Any]] = {}

    def of(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """The mapping must not be changed any more."""
        if len(self._first) >= _MOST:
            self._first.clear()
        return self._first.setdefault(orjson.dumps(value), value)
