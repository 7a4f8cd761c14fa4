"""How carefully a service changes: as its document says it, and as a plan carries it. Plain values.

Must not know hosts, or how anything of it is done.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

OnFailure = Literal["stop", "rollback"]


@dataclass(frozen=True, slots=True)
class Share:
    """A number of hosts, or a percentage of them."""

    amount: float
    percent: bool = False

    def rounded_up(self, hosts: int) -> int:
        """How many of so many hosts: at least one where there is one, unless it is zero."""
        return min(hosts, math.ceil(self._exactly(hosts)))

    def rounded_down(self, hosts: int) -> int:
        """How many of so many hosts, on the safe side."""
        return min(hosts, math.floor(self._exactly(hosts)))

    def _exactly(self, hosts: int) -> float:
        # Percentages have at most four decimals: rounding hides that 0.07 × 100 is a little more than 7.
        return round(hosts * self.amount / 100, 7) if self.percent else self.amount

    def __str__(self) -> str:
        return f"{self.amount:g}%" if self.percent else f"{self.amount:g}"


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """Healthy when a GET is answered with this status. Times are in seconds, in all checks."""

    url: str
    expect: int = 200
    timeout: float = 5


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """Healthy when the port accepts a connection."""

    port: str
    host: str = "{{ host.address }}"
    timeout: float = 5


@dataclass(frozen=True, slots=True)
class PrometheusCheck:
    """Healthy when the query has results, all within the bounds. `url` empty: the server of the settings."""

    query: str
    url: str = ""
    at_least: float | None = None
    at_most: float | None = None
    timeout: float = 10


@dataclass(frozen=True, slots=True)
class UnitCheck:
    """Healthy when the unit of systemd is active on the host."""

    unit: str


@dataclass(frozen=True, slots=True)
class CommandCheck:
    """Healthy when the program ends with 0 on the host."""

    argv: tuple[str, ...]
    timeout: float = 10


Outside: TypeAlias = HttpCheck | TcpCheck | PrometheusCheck
"""Checks that are made from the controller."""
Inside: TypeAlias = UnitCheck | CommandCheck
"""Checks that the host makes itself."""
Check: TypeAlias = Outside | Inside
"""Texts in it may be templates until they are rendered for a host."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a service's document says. `batches` are the hosts that are done after each; `bake` is in seconds."""

    canary: Share | None = None
    batches: tuple[Share, ...] = ()
    failure_domain: str = ""
    max_failures: Share | None = None
    max_unavailable: Share | None = None
    bake: float = 0
    on_failure: OnFailure = "stop"
    health: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What governs one service's steps in a plan.

    `budget` is the most hosts that may fail over all batches; `at_once` the most that change at the same time (0: as
    many as the carrier takes). `stages` are canary and batches as people wrote them, for showing; `domain` is the
    label that keeps batches apart (empty: none). `good` are the revisions at which hosts were last in order, with those
    hosts, where they go back when it fails.
    """

    budget: int
    at_once: int = 0
    bake: float = 0
    on_failure: OnFailure = "stop"
    health: tuple[Check, ...] = ()
    stages: tuple[str, ...] = ()
    domain: str = ""
    good: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """A step's place in its service's rollout, from 1. `domain` is the value of the label of its hosts (None: the
    hosts without it, or no such label is named). Of a canary every host has to be well before anything goes on."""

    number: int
    of: int
    domain: str | None = None
    canary: bool = False
