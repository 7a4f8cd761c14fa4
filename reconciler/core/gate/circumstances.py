"""What the gate has to know beside the plan: plain values, worked out from records that the loop has gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.core.gate.timetable import Timetable
from reconciler.core.running.budget import FAILURES
from reconciler.model.approval import Approval
from reconciler.model.desired import Desired
from reconciler.model.observation import Head
from reconciler.model.run import Run

_SHORT: frozenset[str] = FAILURES | {"skipped"}
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many hosts of the fleet ought to answer, and how many of them did not, the last time that they were asked."""

    asked: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person allows for this plan on the command line: so many deletes, or to try a revision again. `override`
    is why a pause, freeze or window does not count this time (empty: it does)."""

    deletes: int = 0
    again: bool = False
    override: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`halted` are runs that were halted at the plan's revision, by service; `approvals` are those that hold now, for
    the plan or for its `effect` (see `proposing.effect`; empty: nobody asked); `timetable` is what restrains changes
    at the time of `now`."""

    coverage: Coverage = field(default_factory=Coverage)
    halted: Mapping[str, Run] = field(default_factory=dict)
    approvals: Sequence[Approval] = ()
    allowance: Allowance = field(default_factory=Allowance)
    timetable: Timetable = field(default_factory=Timetable)
    now: datetime = LONG_AGO
    effect: str = ""

    def approved(self, digest: str) -> bool:
        """Whether somebody gave their word for exactly this plan, or for exactly what it does."""
        return any(approval.plan in (digest, self.effect) for approval in self.approvals)


def covered(desired: Desired, heads: Mapping[str, Head]) -> Coverage:
    """How much of the fleet has answered: of the hosts that have something to be asked for, or something of ours."""
    asked = missing = 0
    for host, layout in desired.layouts.items():
        head = heads.get(host)
        if not (layout.resources or (head is not None and head.owned)):
            continue
        asked += 1
        missing += head is None or head.observed_at is None or bool(head.unreachable)
    return Coverage(asked, missing)


def halted_services(last: Mapping[str, Run]) -> dict[str, Run]:
    """Of the last run of each service at a revision (with its outcomes), those that were halted before the service was
    through."""
    return {service: run for service, run in last.items() if run.status == "halted" and service in _short(run)}


def _short(run: Run) -> frozenset[str]:
    """Services of which a host failed, or was not begun any more. One that can't be reached is no failure."""
    failed = {outcome.service for outcome in run.outcomes if outcome.result == "failed"}
    return frozenset(failed | {left.service for left in run.host_outcomes if left.status in _SHORT})
