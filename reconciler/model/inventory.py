"""Hosts from outside of Git: what a source was found to list, and what is in use of it.

Must not know how a source is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.desired import Host
from reconciler.model.key import OUTSIDE, Place
from reconciler.model.problem import Problem


def place_of(source: str) -> Place:
    """What stands where the place of a Host document would: the source has no lines."""
    return Place(OUTSIDE + source, 0, 0)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The usable hosts of one reading, by name and sorted. `left_out` hosts are not in it, because of `problems`
    (of which the first few are told)."""

    hosts: Mapping[str, Host]
    left_out: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a source listed at a time. `rules` is the digest of the settings that made hosts of it."""

    admitted: Admitted
    read_at: datetime
    rules: str


@dataclass(frozen=True, slots=True)
class Delta:
    """How far a reading is from the one before. `moved` hosts have other labels now than they had."""

    before: int
    after: int
    lost: int = 0
    gained: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class OnHold:
    """A reading that is not used until somebody accepts it."""

    delta: Delta
    reason: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in use of a source. `read_at` None: it was never read, or nothing of it was ever accepted.

    `whole` says that hosts which are not in it are certainly not meant to be; otherwise nothing follows from a host's
    absence.
    """

    source: str
    hosts: Mapping[str, Host] = field(default_factory=dict)
    read_at: datetime | None = None
    whole: bool = False
    held: OnHold | None = None
    problems: tuple[Problem, ...] = ()
