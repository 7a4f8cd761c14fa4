"""What a resource is, as said by Git (desired) or by a host (observed).

A state maps a field to a JSON value. Content stands in it as a digest; the text itself, where it may be shown,
travels beside it in `texts` so that people get a diff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

State: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Present:
    """The resource is there. `texts` gives readable text for fields whose value is a digest.

    `sealed` are fields that hold a secret: what is asked for in them is known only when it is applied, so their value
    here can't be compared with a host's, only with what was asked for, and what the host answered, the last time.
    """

    state: State = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    sealed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Absent:
    """The host was asked and said that the resource is not there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows: never asked, unreachable, not permitted, not understood. Never means absent."""

    reason: str


Observed: TypeAlias = Present | Absent | Unknown
Wanted: TypeAlias = Present | Absent
