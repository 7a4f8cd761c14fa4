"""What the gate has to know beside the plan: plain values, worked out from records that the loop has gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.approval import Approval
from reconciler.model.desired import Desired
from reconciler.model.observation import Head
from reconciler.model.run import Run


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many hosts of the fleet ought to answer, and how many of them did not, the last time that they were asked."""

    asked: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person allows for this plan on the command line: so many deletes, or to try a revision again."""

    deletes: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`halted` is the last run at the plan's revision, if it was halted; `approvals` are those that hold now."""

    coverage: Coverage = field(default_factory=Coverage)
    halted: Run | None = None
    approvals: Sequence[Approval] = ()
    allowance: Allowance = field(default_factory=Allowance)

    def approved(self, digest: str) -> bool:
        """Whether somebody gave their word for exactly this plan."""
        return any(approval.plan == digest for approval in self.approvals)


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


def last_halted(runs: Sequence[Run], revision: str) -> Run | None:
    """The last run at a revision, if it was halted. Runs that only took something back don't count."""
    last = next((run for run in runs if run.revision == revision and run.undoes is None), None)
    return last if last is not None and last.status == "halted" else None
