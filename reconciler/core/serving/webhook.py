"""Whether a webhook is real: a signature or token, compared in constant time, before anything of its body is read.

A real one is a hint to look at Git, and nothing more: what it says is never parsed. Must not know HTTP servers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

Source: TypeAlias = Literal["github", "gitlab", "generic"]
LARGEST = 1 << 20
"""Bytes of a body. Forges send more for enormous pushes; the next look at Git will do for these."""
CLOSE = timedelta(minutes=5)
"""How far the time of a generic webhook may be from now."""

_is_id = re.compile(r"[A-Za-z0-9._:-]{1,100}").fullmatch


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, with header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    at: datetime


def delivery(source: Source, received: Received, secret: bytes) -> str | None:
    """The id of the delivery if it is real, None if it is not (nobody is told why)."""
    match source:
        case "github":
            real, name = _github(received, secret)
        case "gitlab":
            real, name = _gitlab(received, secret)
        case "generic":
            real, name = _generic(received, secret)
    return name if real and _is_id(name) else None


def _github(received: Received, secret: bytes) -> tuple[bool, str]:
    given = received.headers.get("x-hub-signature-256", "")
    return _same(given, "sha256=" + _hmac(secret, received.body)), received.headers.get("x-github-delivery", "")


def _gitlab(received: Received, secret: bytes) -> tuple[bool, str]:
    """A token that is sent along: GitLab signs nothing."""
    given = received.headers.get("x-gitlab-token", "")
    return hmac.compare_digest(given.encode(), secret), received.headers.get("x-gitlab-event-uuid", "")


def _generic(received: Received, secret: bytes) -> tuple[bool, str]:
    """HMAC-SHA256 over `timestamp.id.body`: both can't be exchanged, and an old one can't come again."""
    stamp = received.headers.get("x-reconciler-timestamp", "")
    name = received.headers.get("x-reconciler-delivery", "")
    real = _same(received.headers.get("x-reconciler-signature", ""), signature(secret, stamp, name, received.body))
    return real and _is_close(stamp, received.at), name


def signature(secret: bytes, stamp: str, name: str, body: bytes) -> str:
    """What a generic webhook is signed with: ours that go out, and others' that come in."""
    return "sha256=" + _hmac(secret, f"{stamp}.{name}.".encode() + body)


def _is_close(stamp: str, now: datetime) -> bool:
    if not re.fullmatch("[0-9]{1,12}", stamp):
        return False
    return abs(int(stamp) - now.timestamp()) <= CLOSE.total_seconds()


def _hmac(secret: bytes, data: bytes) -> str:
    return hmac.new(secret, data, hashlib.sha256).hexdigest()


def _same(given: str, real: str) -> bool:
    return hmac.compare_digest(given.encode(), real.encode())


@dataclass(slots=True)
class Bucket:
    """How many may come: `size` at once, and one more every `refill`. Keeps its own count; the time is an argument."""

    size: int
    refill: timedelta
    _level: float = -1.0
    _at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Whether one more may come."""
        if self._at is None:
            self._level = self.size
        else:
            self._level = min(self.size, self._level + max(timedelta(0), now - self._at) / self.refill)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
