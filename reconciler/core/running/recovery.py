"""Judges what became of a run whose process died: by its plan, its intents and outcomes, and what its hosts say now.

A host with an outcome is through. One that was not about to be begun is safe. One that was is in doubt: it is asked
again, and then its program is done, or untouched, or in between; it is never simply repeated. Knows nothing of how
hosts are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.assessing.compare import Equal, compare
from reconciler.core.observing.ask import remembered_spec
from reconciler.core.planning.undo import STAYS
from reconciler.core.running.progress import Fate, Results
from reconciler.kinds import Registry
from reconciler.model.delivery import Outcome, Payload, Reply
from reconciler.model.desired import Profile
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Facts, Owned
from reconciler.model.plan import Change, Plan, Program
from reconciler.model.run import Intent, Run
from reconciler.model.state import Absent

FOUND_DONE = "found done after the run was interrupted"
NOT_BEGUN = "the run was interrupted before this host was begun"
GONE = "the run was interrupted, and the host can't be found in Git or the inventories any more"
NOT_KNOWN = "the run was interrupted, and whether this was done can't be seen"
BETWEEN = "the run was interrupted while this host was at work; the next plan does the rest"


def results_of(run: Run) -> dict[tuple[str, str], Fate]:
    """The results that are on record of a run with its outcomes."""
    results: dict[tuple[str, str], Fate] = {}
    for outcome in run.outcomes:
        results.update(((outcome.step, host), "done") for host in outcome.hosts)
    for left in run.host_outcomes:
        # Rows are in order; of a host that was asked again, the last one counts. That it did not go back is no result.
        if left.status != STAYS:
            results.update(((left.step, host), left.status) for host in left.hosts)  # type: ignore[misc]  # it is none but a fate here
    return results


def carried_over(runs: Iterable[Run]) -> dict[tuple[str, str], Fate]:
    """What a plan that goes on after its interrupted runs (the oldest first) need not do again."""
    results: dict[tuple[str, str], Fate] = {}
    for run in runs:
        results.update((key, status) for key, status in results_of(run).items() if status != "skipped")
    return results


def unfinished(plan: Plan, results: Results) -> bool:
    """Whether there is something left of a plan."""
    return any((step.id, host) not in results for step in plan.steps for host in step.hosts)


def in_doubt(plan: Plan, intents: Iterable[Intent], results: Results) -> dict[str, dict[str, int]]:
    """By step: the hosts that were about to be begun and have no outcome, with the epoch that this was under."""
    doubt: dict[str, dict[str, int]] = {}
    steps = {step.id: frozenset(step.hosts) for step in plan.steps}
    for intent in intents:
        open_ = (h for h in intent.hosts if (intent.step, h) not in results and h in steps.get(intent.step, ()))
        doubt.setdefault(intent.step, {}).update(dict.fromkeys(open_, intent.epoch))
    return {step: hosts for step, hosts in doubt.items() if hosts}


def question(program: Program) -> Payload:
    """What to ask a host in doubt: all that the program is about."""
    return Payload({change.key: change.query for change in program.changes if change.query})


@dataclass(frozen=True, slots=True)
class Case:
    """A host in doubt: what it was to be given under which epoch, what it should be like (None: not known any more),
    what is on record of it."""

    program: Program
    epoch: int
    profile: Profile | None
    records: Mapping[Key, Owned]


def judge(case: Case, reply: Reply, registry: Registry) -> Reply:
    """The host's answer as the answer to its program: with outcomes for what is found done, and a status.

    `done`: everything is as the program wants. `skipped`: nothing of it was begun, it may be delivered. `stale`: in
    between. `lost`: the host could not be asked.
    """
    if reply.status != "done":
        return replace(reply, status="lost", reason=f"interrupted, and not answered since: {reply.reason}")
    if reply.seen < case.epoch:
        return replace(reply, status="skipped", reason=NOT_BEGUN)  # the host never accepted that epoch
    looked = [(change, _found(change, case, reply.facts.get(change.key), registry)) for change in case.program.changes]
    shown = [found for change, found in looked if change.action not in ("restart", "reload")]
    if shown and all(found == "before" for found in shown):
        return replace(reply, status="skipped", reason=NOT_BEGUN)
    outcomes = tuple(_outcome(change, found) for change, found in looked)
    if all(found == "done" for _, found in looked):
        return replace(reply, outcomes=outcomes)
    return replace(reply, status="stale", reason=BETWEEN, outcomes=outcomes)


def _found(change: Change, case: Case, facts: Facts | None, registry: Registry) -> str:
    """`done`, `before` (as planned), or nothing that can be told."""
    if facts is None or change.action in ("restart", "reload"):
        return ""
    if _is_done(change, case, facts, registry):
        return "done"
    return "before" if digest(facts) == change.expect else ""


def _is_done(change: Change, case: Case, facts: Facts, registry: Registry) -> bool:
    if not change.desired:
        record = case.records.get(change.key)
        spec = remembered_spec(record, registry) if record else None
        kind: Any = registry.get(change.key.kind)
        return spec is not None and isinstance(kind.observe(change.key.name, spec, facts), Absent)
    resources = case.profile.resources if case.profile else ()
    resource = next((r for r in resources if r.key == change.key), None)
    if resource is None or resource.digest != change.desired:
        return False
    return isinstance(compare(resource, registry[change.key.kind], Fact("", facts, ""), None), Equal)


def _outcome(change: Change, found: str) -> Outcome:
    if found == "done":
        return Outcome(change.key, "ok", FOUND_DONE)
    return Outcome(change.key, "skipped", NOT_BEGUN if found == "before" else NOT_KNOWN)
