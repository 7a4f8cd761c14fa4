"""How long to wait for a forge before asking again: a pure function of what it answered.

The rules are GitHub's (docs.github.com: rate limits for the REST API, best practices) and GitLab's (docs.gitlab.com:
rate limits). Must not know how anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

FAULTS = 5
"""Tries of a request that meets faults; limits count by the time that is waited."""
SECONDARY = 60.0
"""Seconds to wait for a limit that does not say how long: GitHub asks for a minute, and for more each time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: there was none, and `body` says why. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def limited(self) -> bool:
        """Whether it tells of a limit on requests: then nothing was done."""
        if self.status == 429:
            return True
        if self.status != 403:
            return False
        spent = self.headers.get("x-ratelimit-remaining") == "0"
        return spent or "retry-after" in self.headers or b"rate limit" in self.body.lower()

    @property
    def faulty(self) -> bool:
        """Whether the same may go well a moment later: a fault, or somebody who changes the same thing."""
        return self.status == 0 or self.status in (408, 409, 423, 425) or self.status >= 500


def pause(answer: Answer, tried: int, now: datetime) -> float | None:
    """Seconds to wait before the same is tried again, after `tried` times (1: the first); None: don't."""
    if answer.limited:
        asked = _asked(answer.headers, now)
        return SECONDARY * 2 ** (tried - 1) if asked is None else max(1.0, asked)
    if answer.faulty and tried < FAULTS:
        return max(float(2 ** (tried - 1)), _retry_after(answer.headers, now) or 0.0)
    return None


def _asked(headers: Mapping[str, str], now: datetime) -> float | None:
    if (after := _retry_after(headers, now)) is not None:
        return after
    if (headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")) != "0":
        return None
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    # A second more: clocks differ.
    return int(reset) - now.timestamp() + 1 if reset.isdecimal() else None


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError):
        return None
