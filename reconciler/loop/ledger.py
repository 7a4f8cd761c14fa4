"""Collects what a run does and leaves behind, and writes it in groups: one row for equal outcomes, not one a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.observing.observed import Interned, Reading, after_changes
from reconciler.core.recording.remember import Records, Scribe, ownership_of, verified
from reconciler.loop.secrets import Opened
from reconciler.loop.world import World
from reconciler.model.delivery import Outcome, Payload, Reply
from reconciler.model.observation import Observation, Ownership
from reconciler.model.plan import Program, Step
from reconciler.model.run import HostOutcome, Run, RunOutcome

GROUP = 200
"""Hosts written in one transaction."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A reply with the program and payload that it answers."""

    step: Step
    program: Program
    payload: Payload
    reply: Reply


@dataclass(slots=True)
class Ledger:
    """`observations` and `ownership` are always what is known now, written or not."""

    world: World
    run: Run
    scribe: Scribe
    observations: dict[str, Observation]
    ownership: dict[str, Ownership]
    interned: Interned
    secrets: Opened
    _outcomes: dict[RunOutcome, list[str]] = field(default_factory=dict)
    _host_outcomes: dict[HostOutcome, list[str]] = field(default_factory=dict)
    _touched: dict[str, None] = field(default_factory=dict)
    _seen: dict[str, None] = field(default_factory=dict)

    def take(self, delivered: Delivered) -> Reply:
        """Takes a host's reply in; answers it as it counts, with outcomes that the host's own answers disprove."""
        delivered = replace(delivered, reply=self.secrets.kept_out(delivered.reply))
        before = self.observations.get(delivered.reply.host)
        reading = Reading(delivered.reply, delivered.payload, before, self.world.clock.now())
        seen = after_changes(reading, self.interned)
        reply = self._verified(delivered, seen)
        if seen is not None:
            self.observations[reply.host] = seen
            self._seen[reply.host] = None
        if reply.outcomes:
            ours = self.ownership.get(reply.host)
            records: Records = ours.owned if ours else {}
            new = self.scribe.after_program(reply.host, records, delivered.program, reply.outcomes, seen)
            self.own(reply.host, new)
        self._note(replace(delivered, reply=reply))
        if len(self._touched) + len(self._seen) >= GROUP:
            self.flush()
        return reply

    def own(self, host: str, records: Records) -> None:
        """What we own on a host from now on."""
        self.ownership[host] = ownership_of(host, records, self.scribe.desired, self.ownership.get(host))
        self._touched[host] = None

    def skip(self, step: Step, status: str, reasons: Mapping[str, str]) -> None:
        """Hosts of a step that were not begun, each with why."""
        for host, reason in reasons.items():
            key = HostOutcome(step.id, step.service, status, reason, ())
            self._host_outcomes.setdefault(key, []).append(host)

    def flush(self) -> None:
        """Writes everything taken since the last time, in one transaction."""
        self.world.store.record(
            self.run,
            [replace(outcome, hosts=tuple(sorted(hosts))) for outcome, hosts in self._outcomes.items()],
            [replace(outcome, hosts=tuple(sorted(hosts))) for outcome, hosts in self._host_outcomes.items()],
            [self.observations[host] for host in self._seen],
            [self.ownership[host] for host in self._touched],
        )
        for pending in (self._outcomes, self._host_outcomes, self._touched, self._seen):
            pending.clear()

    def _verified(self, delivered: Delivered, seen: Observation | None) -> Reply:
        reply = delivered.reply
        profile = self.scribe.desired.profiles.get(reply.host)
        if profile is None or seen is None:
            return reply
        resources = {resource.key: resource for resource in profile.resources}
        outcomes: list[Outcome] = []
        for change, outcome in zip(delivered.program.changes, reply.outcomes, strict=False):
            if change.desired and change.action not in ("restart", "reload") and change.key in resources:
                fact = seen.facts.get(change.key)
                outcomes.append(verified(outcome, resources[change.key], fact, self.world.registry))
            else:
                outcomes.append(outcome)
        failed = next((o for o in outcomes if o.result == "failed"), None)
        if failed is None or reply.status != "done":
            return replace(reply, outcomes=tuple(outcomes))
        return replace(reply, status="failed", reason=f"{failed.key}: {failed.message}", outcomes=tuple(outcomes))

    def _note(self, delivered: Delivered) -> None:
        step, program, reply = delivered.step, delivered.program, delivered.reply
        for change, outcome in zip(program.changes, reply.outcomes, strict=False):
            row = RunOutcome(
                step.id, program.id, step.service, change.key, change.action, outcome.result, outcome.message, ()
            )
            self._outcomes.setdefault(row, []).append(reply.host)
        if reply.status != "done":
            self.skip(step, reply.status, {reply.host: reply.reason})
