"""Content digests: the identity of a value, the same on the controller and on a host.

Must not know what the values mean.
"""

from __future__ import annotations

import hashlib
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


def text_digest(content: bytes) -> str:
    """How file content stands in states and plans: `sha256:` and 64 hex characters."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
