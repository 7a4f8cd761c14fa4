"""What our records say after a reply: what we own, what we adopted, which restarts are still owed.

Pure: records in, records out. Knows outcomes and kinds; knows nothing of the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.core.assessing.compare import Different, Equal, compare, remembered_state, sensitive_fields
from reconciler.kinds import Registry
from reconciler.model.delivery import Outcome
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation, Owned, Ownership
from reconciler.model.plan import Change, Program
from reconciler.model.state import Absent, Present

Records = Mapping[Key, Owned]
OWED = ""
"""In `Owned.reacted`: the resource changed and the restart or reload has not happened yet."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which run at which revision writes the records, and when."""

    revision: str
    run: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes records. `registry` and `desired` say what the resources are."""

    desired: Desired
    registry: Registry
    stamp: Stamp

    def after_program(
        self, host: str, records: Records, program: Program, outcomes: Iterable[Outcome], seen: Observation | None
    ) -> dict[Key, Owned]:
        """The records after a program ran on a host, whole or in part. `seen` is the host after it."""
        new = dict(records)
        profile = self.desired.profiles.get(host)
        resources = {r.key: r for r in profile.resources} if profile else {}
        reacting = {change.key for change in program.changes if change.action in ("restart", "reload")}
        for change, outcome in zip(program.changes, outcomes, strict=False):
            fact = seen.facts.get(change.key) if seen else None
            done = outcome.result in ("changed", "ok")
            resource = resources.get(change.key)
            if change.action in ("restart", "reload"):
                if resource is not None and done:
                    self._reacted(new, resource, resources)
            elif not change.desired:
                if done:
                    new.pop(change.key, None)
            elif resource is not None and outcome.result in ("changed", "ok", "failed"):
                self._changed(new, resource, change, done, fact)
                if done:
                    self._owe(new, change, resource, resources)
                if done and change.key not in reacting:
                    self._started(new, change, resource, resources)
        return new

    def settled(self, records: Records, profile: Profile, equal: Iterable[tuple[Resource, Fact]]) -> dict[Key, Owned]:
        """The records after finding resources as they should be without our doing: adopted, if they were not ours."""
        new = dict(records)
        digests = {r.key: r for r in profile.resources}
        for resource, fact in equal:
            before = new.get(resource.key)
            record = self._record(resource, before.created if before else False, fact, before)
            reacted = before.reacted if before else _all_reacted(resource, digests)
            new[resource.key] = replace(record, reacted=reacted)
        return new

    def _changed(
        self, new: dict[Key, Owned], resource: Resource, change: Change, done: bool, fact: Fact | None
    ) -> None:
        before = new.get(resource.key)
        # A record that only bears what is owed says nothing of how the resource came to be.
        first = before is None or not before.desired
        created = (before is not None and before.created) or (first and change.action == "create")
        if done and change.action != "delete":
            new[resource.key] = self._record(resource, created, fact, before)
        elif done:
            new[resource.key] = self._record(resource, False, fact, before)
        elif first and change.action == "create" and fact is not None and self._there(resource, fact):
            # It failed half-way but left something behind: ours, though not as it should be.
            new[resource.key] = replace(self._record(resource, True, None, before), desired="", state={})

    def _there(self, resource: Resource, fact: Fact) -> bool:
        kind = self.registry[resource.key.kind]
        return isinstance(kind.observe(resource.key.name, resource.spec, fact.facts), Present)

    def _owe(self, new: dict[Key, Owned], change: Change, changed: Resource, resources: Mapping[Key, Resource]) -> None:
        """A change that went through obliges every resource that answers to it, also ones of later steps."""
        for resource in resources.values():
            if changed.key in resource.reload_on or changed.key in resource.restart_on:
                record = new.get(resource.key) or replace(
                    self._record(resource, False, None, None), desired="", state={}
                )
                new[resource.key] = replace(record, reacted={**record.reacted, str(changed.key): OWED})

    def _started(
        self, new: dict[Key, Owned], change: Change, changed: Resource, resources: Mapping[Key, Resource]
    ) -> None:
        """What was started just now has read its files, so it owes no restart or reload."""
        kind = self.registry[changed.key.kind]
        if kind.reacts and not kind.reacts_after(changed.spec, frozenset(field.path for field in change.fields)):
            self._reacted(new, changed, resources)

    def _reacted(self, new: dict[Key, Owned], resource: Resource, resources: Mapping[Key, Resource]) -> None:
        record = new.get(resource.key)
        if record is not None:
            new[resource.key] = replace(record, reacted=_all_reacted(resource, resources))

    def _record(self, resource: Resource, created: bool, fact: Fact | None, before: Owned | None) -> Owned:
        kind: Any = self.registry[resource.key.kind]
        wanted = kind.wanted(resource.key.name, resource.spec)
        observed = kind.observe(resource.key.name, resource.spec, fact.facts) if fact else None
        service = self.desired.services.get(resource.service)
        return Owned(
            key=resource.key,
            service=resource.service,
            created=created and not isinstance(wanted, Absent),
            desired=resource.digest,
            facts=fact.facts_digest if fact else "",
            revision=self.stamp.revision,
            run=self.stamp.run,
            at=self.stamp.at,
            path=resource.place.path,
            spec=kind.memory(resource.spec),
            state=remembered_state(wanted, sensitive_fields(resource, kind, wanted), observed),
            needs=service.requires if service else (),
            requires=resource.requires,
            protect=resource.protect,
            prune=resource.prune,
            reacted=before.reacted if before else {},
        )


def ownership_of(host: str, records: Records, desired: Desired, before: Ownership | None) -> Ownership:
    """The host's ownership with these records; remembers which file the Host document is in."""
    known = desired.hosts.get(host)
    path = known.place.path if known else (before.path if before else "")
    return Ownership(host, path, records)


def verified(outcome: Outcome, resource: Resource, fact: Fact | None, registry: Registry) -> Outcome:
    """The outcome, failed if the host still is not as it should be although every module said that all went well.

    What holds a secret is not compared: its value is not known here any more.
    """
    if outcome.result not in ("changed", "ok") or fact is None:
        return outcome
    kind: Any = registry[resource.key.kind]
    wanted = kind.wanted(resource.key.name, resource.spec)
    sealed = wanted.sealed if isinstance(wanted, Present) else frozenset()
    match compare(resource, kind, fact, None):
        case Equal():
            return outcome
        case Different("update", _, fields) if all(field.path in sealed for field in fields):
            return outcome
        case different:
            names = ", ".join(f.path for f in getattr(different, "fields", ())) or getattr(different, "reason", "")
            message = f"was applied, but the host still differs: {names}"
            return replace(outcome, result="failed", message=message)


def _all_reacted(resource: Resource, resources: Mapping[Key, Resource]) -> dict[str, str]:
    refs = (*resource.restart_on, *resource.reload_on)
    return {str(ref): resources[ref].digest for ref in refs if ref in resources}
