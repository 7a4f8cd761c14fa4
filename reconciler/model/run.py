"""One execution of a plan, as remembered in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconciler.model.delivery import Result
from reconciler.model.key import Key
from reconciler.model.plan import Action

RunStatus = Literal["running", "succeeded", "failed", "stopped", "halted", "interrupted"]
"""`stopped` by a person, `halted` by a rollout's budget, the health of a batch, or the breaker; `interrupted` when its
process died and another took it over."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The same outcome of one resource on a set of hosts: one row for all of them."""

    step: str
    program: str
    service: str
    key: Key
    action: Action
    result: Result
    message: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostOutcome:
    """A step that did not go through on some hosts (unreachable, refused, stale, skipped), and why."""

    step: str
    service: str
    status: str
    reason: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """Hosts that were about to be given their programs of a step, under an epoch. Until there is an outcome, what
    became of it is not known."""

    step: str
    epoch: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """`id` counts up in one store. `plan` is the plan's digest. `epoch` is that of the lease that it runs under, which
    hosts check; a run whose process died gets a new one when another takes it over, and ends as `interrupted`.
    `undoes` is the run of which this one takes a part back."""

    id: int
    plan: str
    revision: str
    actor: str
    started_at: datetime
    finished_at: datetime | None = None
    status: RunStatus = "running"
    outcomes: tuple[RunOutcome, ...] = ()
    host_outcomes: tuple[HostOutcome, ...] = ()
    epoch: int = 0
    undoes: int | None = None
