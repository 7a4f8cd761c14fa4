"""What merging would change, as one value: for the terminal, for programs, and for the comment on a pull request.

Plain data. Knows plans and what the gate says to them; must not know forges, nor how Git merges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconciler.core.gate import Coverage, Refusal
from reconciler.model.desired import Desired
from reconciler.model.key import Key
from reconciler.model.plan import Plan
from reconciler.model.problem import Problem

Basis = Literal["store", "snapshot", "none"]
"""Where it is known from how hosts are: the store, a signed snapshot of it, or not at all. With `none` it is a
difference between two states of Git, not a plan."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of hosts, and how old it is at the time of `now`. `taken_at` is when a snapshot was made,
    `oldest` when the oldest answer was given."""

    basis: Basis
    now: datetime
    taken_at: datetime | None = None
    oldest: datetime | None = None
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its whole SHA, and the first line of its message, which is anybody's text."""

    sha: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """A plan taken apart by why each change is in it. They are plans without a digest: for showing, never to be run.

    `own` is what the pull request itself brings, `pending` what is due on its base already, `drift` what somebody
    changed on hosts and an apply would undo too, `dropped` what is due on the base and would not be any more.
    """

    own: Plan
    pending: Plan
    drift: Plan
    dropped: Plan


@dataclass(frozen=True, slots=True)
class Proposal:
    """What merging `head` into `base` would change.

    `plan` is all that an apply after the merge would do (with the basis `none`: the difference itself), by `desired`,
    the state that Git asks for then. `effect` is the digest of what it does, whatever commit it is made from: empty
    where that can't be known. `expected` are resources that hosts were not asked for yet: how they are there is
    expected, by what they were asked before. `projects` are those of services, also of services that leave. `joined`
    and `left` are hosts that come and go. `introduced` and `fixed` are problems of documents. `refusals` are what the
    gate would say, `notes` what it would say for now only (a window, a freeze), `refused_before` the limits that what
    is due on the base breaks already. `warnings` are what policies only tell of. `loosened` are policies of the base
    that the merge changes or removes, `overruled` what these would deny as they stand there. `command` makes the same
    again.
    """

    base: Commit
    head: Commit
    plan: Plan
    parts: Parts
    desired: Desired
    evidence: Evidence
    effect: str = ""
    expected: frozenset[Key] = frozenset()
    projects: Mapping[str, str] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    introduced: tuple[Problem, ...] = ()
    fixed: tuple[Problem, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refused_before: frozenset[str] = frozenset()
    warnings: tuple[Refusal, ...] = ()
    loosened: tuple[str, ...] = ()
    overruled: tuple[Refusal, ...] = ()
    notes: tuple[Refusal, ...] = ()
    command: str = ""
