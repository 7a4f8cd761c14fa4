"""What must hold whatever was killed: the hosts' own logs against the store and what Git asked for.

Each check answers what is wrong, in words; nothing means that it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import orjson

from reconciler.adapters.store import SqlStore
from reconciler.core.planning.plan_json import intact, plan_from_document
from reconciler.core.running.recovery import NOT_KNOWN
from reconciler.model.plan import Plan, Step
from reconciler.model.run import Intent, Run
from tests.chaos.hosts import Hosts, Visit
from tests.chaos.scenario import CAP, HOSTS, WATCHED, Scenario
from tests.fakes.machine import Machine


@dataclass
class Archive:
    """What can't change any more and need not be read twice: runs that have ended, with what they were about to do, and
    plans. `noted` are notices that were seen in the store."""

    runs: dict[int, tuple[Run, list[Intent]]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)


@dataclass
class Evidence:
    """All that is looked at."""

    scenario: Scenario
    store: SqlStore
    archive: Archive
    visits: list[Visit]
    machines: dict[str, Machine]
    heard: list[tuple[str, str]]

    @classmethod
    def gathered(cls, scenario: Scenario, store: SqlStore, hosts: Hosts, archive: Archive | None = None) -> Evidence:
        """`heard` are notices with their revisions."""
        seen = cls(scenario, store, archive or Archive(), *hosts.ask(("evidence", HOSTS)))
        seen.archive.noted.update(each.notice.id for each in store.outbox.waiting())
        return seen

    @cached_property
    def journal(self) -> list[tuple[Run, list[Intent]]]:
        """All runs, with their outcomes and what they were about to do, the newest first."""
        return [self._whole(run) for run in self.store.runs(1000)]

    @cached_property
    def runs(self) -> list[Run]:
        return [run for run, _ in self.journal]

    @cached_property
    def plans(self) -> dict[str, Plan]:
        digests = {visit.plan for visit in self.visits if visit.plan} | {run.plan for run in self.runs}
        known = self.archive.plans
        known.update((digest, _plan(self.store.plan(digest) or b"", digest)) for digest in digests - known.keys())
        return {digest: known[digest] for digest in digests}

    def _whole(self, run: Run) -> tuple[Run, list[Intent]]:
        if run.id in self.archive.runs:
            return self.archive.runs[run.id]
        whole = self.store.run(run.id)
        assert whole is not None
        found = whole, self.store.intents(run.id)
        if whole.status != "running":
            self.archive.runs[run.id] = found
        return found


def _plan(data: bytes, digest: str) -> Plan:
    """As it was sealed. It was just written, so its form is not checked, which takes longer than a worker's life."""
    assert intact(data, digest)
    return plan_from_document(orjson.loads(data))


def always(seen: Evidence) -> Iterator[str]:
    """What holds at any time, also while runs lie about interrupted."""
    yield from _epochs_never_fall(seen)
    yield from _one_at_a_time(seen)
    yield from _no_effect_twice(seen)
    yield from _effects_are_planned(seen)
    yield from _intents_come_first(seen)
    yield from _caps_hold(seen)
    yield from _batches_are_in_order(seen)
    yield from _unknown_is_left_alone(seen)
    yield from _outcomes_are_true(seen)
    yield from _the_same_is_told_under_the_same_id(seen)


def converged(seen: Evidence) -> Iterator[str]:
    """What holds as well after a worker that nothing happened to has succeeded."""
    wanted = seen.scenario.wanted[seen.scenario.source.revision().sha]
    ownership = seen.store.ownership()
    for host, machine in seen.machines.items():
        there = {path: entry["content"].decode() for path, entry in machine.paths.items() if entry["type"] == "file"}
        owned = {key.name: record.created for key, record in ownership[host].owned.items() if key.kind == "file"}
        lost = _anybodys(host, seen)
        if {path: text for path, text in there.items() if path in wanted or path not in lost} != wanted:
            yield f"{host} has {there}, not {wanted}"
        if owned.keys() != wanted.keys() or not all(made for path, made in owned.items() if path not in lost):
            yield f"{host}: files that we made, as our records have it: {owned}, for {sorted(wanted)}"
        yield from _reload_is_not_forgotten(host, seen)
    if left := [run.id for run in seen.store.unfinished()]:
        yield f"runs {left} have no end"
    with seen.store.hold("apply"):
        pass  # no lock outlives its lease


def told(seen: Evidence) -> Iterator[str]:
    """What holds as well once a worker that nothing happened to has told what there was to tell."""
    heard = {name for name, _ in seen.heard}
    if lost := seen.archive.noted - heard:
        yield f"{len(lost)} notices were in the store and never arrived"
    if waiting := seen.store.outbox.waiting():
        yield f"{len(waiting)} notices still wait"
    if seen.scenario.source.revision().sha not in {revision for _, revision in seen.heard}:
        yield "nobody was told of the newest revision"


def _anybodys(host: str, seen: Evidence) -> set[str]:
    """Files of visits whose answer was lost, and that a host could not read when it was asked what became of them. They
    are found like what somebody else put there, so they may stay when they leave Git."""
    lost = set[str]()
    plans = seen.plans
    for run in seen.runs:
        lost.update(str(o.key) for o in run.outcomes if o.message == NOT_KNOWN and host in o.hosts)
        steps = {o.step for o in run.host_outcomes if o.status == "lost" and host in o.hosts}
        plan = plans[run.plan]
        programs = (name for s in plan.steps if s.id in steps for name, on in s.programs.items() if host in on)
        lost.update(str(change.key) for name in programs for change in plan.programs[name].changes)
    return {key.partition("/")[2] for key in lost if key.startswith("file/")}


def _accepted(seen: Evidence) -> Iterator[Visit]:
    return (visit for visit in seen.visits if visit.status not in ("refused", "stale"))


def _epochs_never_fall(seen: Evidence) -> Iterator[str]:
    for host in HOSTS:
        epochs = [visit.epoch for visit in sorted(_accepted(seen), key=lambda v: v.start) if visit.host == host]
        if epochs != sorted(epochs):
            yield f"{host} let epochs fall: {epochs}"


def _one_at_a_time(seen: Evidence) -> Iterator[str]:
    for host in HOSTS:
        visits = sorted((visit for visit in seen.visits if visit.host == host), key=lambda visit: visit.start)
        for first, second in pairwise(visits):
            if second.start < first.end:
                yield f"{host} had two at once: {first} and {second}"


def _no_effect_twice(seen: Evidence) -> Iterator[str]:
    effects = Counter((visit.host, *effect) for visit in seen.visits for effect in visit.effects)
    for (host, key, what), count in effects.items():
        if what.startswith("sha256:") and count > 1:
            yield f"{host} got {key} {what[:15]} {count} times"


def _effects_are_planned(seen: Evidence) -> Iterator[str]:
    plans = seen.plans
    for visit in seen.visits:
        if not visit.works:
            continue
        plan = plans.get(visit.plan)
        planned = {
            str(change.key)
            for step in (plan.steps if plan else ())
            for program, hosts in step.programs.items()
            if visit.host in hosts and plan
            for change in plan.programs[program].changes
        }
        if beyond := {key for key, _ in visit.effects} - planned:
            yield f"{visit.host}: {sorted(beyond)} are in no plan that it was given (plan {visit.plan[:8]})"


def _intents_come_first(seen: Evidence) -> Iterator[str]:
    intended = {(intent.epoch, host) for _, intents in seen.journal for intent in intents for host in intent.hosts}
    for visit in _accepted(seen):
        if visit.works and (visit.epoch, visit.host) not in intended:
            yield f"{visit.host} was given works under epoch {visit.epoch} without an intent on record"


def _caps_hold(seen: Evidence) -> Iterator[str]:
    for digest, plan in seen.plans.items():
        if plan.summary.delete > CAP:
            yield f"plan {digest[:8]} with {plan.summary.delete} deletes was begun; the cap is {CAP}"


def _batches_are_in_order(seen: Evidence) -> Iterator[str]:
    """Also over several runs of a plan: no batch is begun while the one before it has hosts to begin."""
    for digest, plan in seen.plans.items():
        batches = sorted((s.service, s.batch.number, s) for s in plan.steps if s.batch is not None)
        for (service, _, first), (other, _, second) in pairwise(batches):
            if service != other:
                continue
            before, after = (_begun(step, plan, digest, seen) for step in (first, second))
            if before and after and max(before) > min(after):
                yield f"plan {digest[:8]}: {second.id} was begun before all of {first.id}"


def _begun(step: Step, plan: Plan, digest: str, seen: Evidence) -> list[int]:
    """When each host was given its program of a step for the first time."""
    starts: dict[str, int] = {}
    for name, hosts in step.programs.items():
        works = tuple(change.key for change in plan.programs[name].changes)
        for visit in _accepted(seen):
            if visit.plan == digest and visit.host in hosts and visit.works == works:
                starts[visit.host] = min(visit.start, starts.get(visit.host, visit.start))
    return list(starts.values())


def _unknown_is_left_alone(seen: Evidence) -> Iterator[str]:
    for visit in seen.visits:
        if visit.unreadable and visit.status != "refused":
            yield f"{visit.host} was to change what could not be read: {visit.unreadable}"


def _outcomes_are_true(seen: Evidence) -> Iterator[str]:
    """What is on record as changed was changed there; so nothing is recorded that did not happen."""
    done = {(visit.plan, visit.host, key) for visit in seen.visits for key, _ in visit.effects}
    for run in seen.runs:
        for outcome in run.outcomes:
            for host in outcome.hosts:
                if outcome.result == "changed" and (run.plan, host, str(outcome.key)) not in done:
                    yield f"run {run.id} says that {outcome.key} changed on {host}; the host knows nothing of it"


def _reload_is_not_forgotten(host: str, seen: Evidence) -> Iterator[str]:
    effects = [e for v in sorted(seen.visits, key=lambda v: v.start) if v.host == host for e in v.effects]
    changed = max((n for n, (key, _) in enumerate(effects) if key == f"file/{WATCHED}"), default=-1)
    later = [what for key, what in effects[changed + 1 :] if key == "service/nginx"]
    first = not any(key == "service/nginx" for key, _ in effects[:changed]) and "set" in later
    if changed >= 0 and "reloaded" not in later and not first:
        yield f"{host}: {WATCHED} changed and nginx was neither reloaded nor started after it: {effects}"


def _the_same_is_told_under_the_same_id(seen: Evidence) -> Iterator[str]:
    """So whoever hears it twice knows; and two things never look like one."""
    pairs = sorted(set(seen.heard))
    for what, side in (("id", 0), ("revision", 1)):
        often = {value for value, times in Counter(pair[side] for pair in pairs).items() if times > 1}
        if often:
            yield f"notices of the same {what} are not the same: {[pair for pair in pairs if pair[side] in often]}"
