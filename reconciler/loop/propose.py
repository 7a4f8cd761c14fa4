"""What merging a pull request would change, top to bottom: both states of Git → what is known of hosts → two plans →
what the one has on top of the other → what the gate would say.

From Git and what is known already, only: no host is asked, no secret is opened, nothing of the repository is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.gate import Circumstances, Coverage, Limits, Refusal, covered, gate, warned
from reconciler.core.gate.policies import changed_policies, denials
from reconciler.core.gate.timetable import Timetable
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan import Scope
from reconciler.core.proposing.difference import difference
from reconciler.core.proposing.effect import effect_of
from reconciler.core.proposing.parts import apart, nothing_due
from reconciler.core.proposing.problems import compared
from reconciler.core.proposing.proposal import Basis, Commit, Evidence, Proposal
from reconciler.loop.collector import uncollected
from reconciler.loop.desire import desired_at
from reconciler.loop.grounds import Grounds, plan_from
from reconciler.loop.world import Memory, Reading
from reconciler.model.approval import Approval
from reconciler.model.desired import Desired
from reconciler.model.errors import ReconcilerError
from reconciler.model.key import Key
from reconciler.model.order import NO_ORDERS, Orders
from reconciler.model.plan import Plan
from reconciler.ports import Known, Revision

_FOR_NOW = frozenset({"pause", "freeze", "window"})
"""Refusals that say when, not whether."""


def _nobody(_: str) -> Sequence[Approval]:
    return ()


def _nowhere(_plan: Plan, _at: datetime) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Records:
    """What is known of hosts (None: nothing), and of what operators ordered and approved. `taken_at` is when a snapshot
    was made; `keep` stores what may be approved."""

    basis: Basis = "none"
    known: Known | None = None
    taken_at: datetime | None = None
    orders: Orders = NO_ORDERS
    approvals: Callable[[str], Sequence[Approval]] = _nobody
    keep: Callable[[Plan, datetime], None] = _nowhere


@dataclass(frozen=True, slots=True)
class Bearings:
    """What a pull request is looked at with: how Git is read, what is known, what a plan may do, and the time."""

    reading: Reading
    records: Records
    limits: Limits
    caution: Caution
    now: datetime


def propose(bearings: Bearings, base: str, head: str) -> Proposal:
    """What merging the commit `head` into `base` would change.

    Raises Stalled for revisions that there are not, that conflict, or that hold no document.
    """
    reading, records = bearings.reading, bearings.records
    with uncollected():
        old, new = reading.source.poll(base), reading.source.revision(head)
        merged = reading.source.merge(old, new)
        before = desired_at(reading, old, records.orders.pins).desired
        after = desired_at(reading, merged, records.orders.pins).desired
        # The merge is a commit that nobody else knows.
        before, after = replace(before, revision=old.sha), replace(after, revision=new.sha)
        due, plan, expected = _plans(bearings, before, after)
        effect = effect_of(plan).digest if records.known is not None else ""
        refused = _refusals(bearings, plan, after, effect)
        already = _refusals(bearings, due, before, "") if refused else []
    loosened = changed_policies(before, after)
    introduced, fixed = compared(before.problems, after.problems)
    return Proposal(
        base=_commit(old),
        head=_commit(new),
        plan=plan,
        parts=apart(plan, due),
        desired=after,
        evidence=_evidence(bearings, plan, after),
        effect=effect,
        expected=expected,
        projects={name: service.project for each in (before, after) for name, service in each.services.items()},
        joined=tuple(sorted(after.hosts.keys() - before.hosts.keys())),
        left=tuple(sorted(before.hosts.keys() - after.hosts.keys())),
        introduced=introduced,
        fixed=fixed,
        refusals=tuple(refusal for refusal in refused if refusal.limit not in _FOR_NOW),
        warnings=tuple(warned(plan, after)),
        loosened=tuple(policy.name for policy in loosened),
        overruled=tuple(denials(plan, replace(after, policies=loosened))),
        refused_before=frozenset(refusal.limit for refusal in already),
        notes=tuple(refusal for refusal in refused if refusal.limit in _FOR_NOW),
    )


def keep(bearings: Bearings, proposal: Proposal) -> None:
    """Stores what a proposal would do, so that it can be approved before the merge if the gate would refuse it, and so
    that an apply of something else can say how it differs. Where the store can't be written, neither can be had."""
    if proposal.effect and proposal.plan.summary.changes:
        with suppress(ReconcilerError):
            bearings.records.keep(effect_of(proposal.plan), bearings.now)


def _plans(bearings: Bearings, before: Desired, after: Desired) -> tuple[Plan, Plan, frozenset[Key]]:
    """What is due on the base and after the merge, and what of that is expected only. What the first one finds helps
    the second."""
    registry, known = bearings.reading.registry, bearings.records.known
    if known is None:
        plan = difference(before, after, registry, bearings.caution)
        return nothing_due(plan), plan, frozenset()
    grounds = Grounds(known, registry, bearings.caution, Memory(), expecting=True)
    due = plan_from(grounds, before, Scope()).plan
    made = plan_from(grounds, after, Scope())
    return due, made.plan, made.assessment.expected


def _refusals(bearings: Bearings, plan: Plan, desired: Desired, effect: str) -> list[Refusal]:
    """What the gate would say. Somebody's word is for the effect, since the plan is another one after the merge."""
    records = bearings.records
    circumstances = Circumstances(
        coverage=_coverage(records.known, desired),
        approvals=[given for given in records.approvals(effect) if given.holds(bearings.now)] if effect else (),
        timetable=Timetable(desired.windows, desired.freezes, records.orders),
        now=bearings.now,
    )
    return gate(replace(plan, digest=effect), desired, bearings.limits, circumstances)


def _evidence(bearings: Bearings, plan: Plan, desired: Desired) -> Evidence:
    records = bearings.records
    seen = _coverage(records.known, desired)
    return Evidence(records.basis, bearings.now, records.taken_at, plan.observed_at, seen)


def _coverage(known: Known | None, desired: Desired) -> Coverage:
    return covered(desired, known.heads()) if known is not None else Coverage()


def _commit(revision: Revision) -> Commit:
    return Commit(revision.sha, revision.subject)
