"""Content digests: the identity of a value, the same on the controller and on a host.

Must not know what the values mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces.

    The host side builds the same bytes with the standard library (`json.dumps(sort_keys=True,
    separators=(",", ":"), ensure_ascii=False)`), so values hold no floats and only string keys.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(value: Any) -> str:
    """32 hex characters of BLAKE2b over the canonical JSON of `value`."""
    return hashlib.blake2b(canonical(value), digest_size=16).hexdigest()


def digest_with(first: str, pieces: Sequence[str]) -> Callable[[str], str]:
    """Gives `digest([first, name.join(pieces)])` by the name: the JSON of the rest is made once. Names are those of
    hosts, letters, digits, dots and hyphens, which stand in JSON as they are."""
    head, *rest = [canonical(piece)[1:-1] for piece in pieces]
    parts = [canonical([first, ""])[:-2] + head, *rest]
    parts[-1] += b'"]'

    def of(name: str) -> str:
        return hashlib.blake2b(name.encode().join(parts), digest_size=16).hexdigest()

    return of


def text_digest(content: bytes) -> str:
    """How file content stands in states and plans: `sha256:` and 64 hex characters."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
