"""A carrier to simulated machines, behind the same port and the same contract suite as the real one.

Does on each machine what the host's side of a visit does: epoch, identity, checks, works in order, answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.delivery import Delivery, Outcome, Payload, Reply, Work
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.ports import Hearing, unheard
from tests.fakes.machine import PROGRAMS, Failed, Machine


@dataclass
class SimulatedCarrier:
    """`machines` by host name. `unreachable` and `losing` say why a host can't be reached, or is lost after it has told
    of half of its works; `away_after_works` why one can't be reached once it was changed; `sent` are all deliveries
    that reached a host, oldest first."""

    machines: dict[str, Machine] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    losing: dict[str, str] = field(default_factory=dict)
    away_after_works: dict[str, str] = field(default_factory=dict)
    sent: list[Delivery] = field(default_factory=list)
    _epochs: dict[tuple[str, str], int] = field(default_factory=dict)

    def machine(self, host: str) -> Machine:
        """The machine of that name; a new one is as good as any."""
        return self.machines.setdefault(host, Machine(f"machine:{host}"))

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        """As the port says; every outcome is heard by itself."""
        for delivery in deliveries:
            host = delivery.host.name
            if stopping():
                yield Reply(host, "skipped", "not begun: the run was stopped")
            elif host in self.unreachable:
                yield Reply(host, "unreachable", self.unreachable[host])
            else:
                self.sent.append(delivery)
                reply = self._visit(self.machine(host), delivery)
                if delivery.payload.works and host in self.away_after_works:
                    self.unreachable[host] = self.away_after_works.pop(host)
                done = [o for o in reply.outcomes if o.result in ("changed", "ok", "failed")]
                told = tuple(done[: len(done) // 2] if host in self.losing else done)
                for outcome in told:
                    hearing(host, (outcome,))
                yield Reply(host, "lost", self.losing[host], outcomes=told) if host in self.losing else reply

    def _visit(self, machine: Machine, delivery: Delivery) -> Reply:
        host, payload = delivery.host.name, delivery.payload
        if refusal := self._refusal(machine, delivery):
            return Reply(host, "refused", refusal)
        seen = self._epochs.get((host, delivery.store), 0)
        stale = [w.key for w in payload.works if w.expect and digest(machine.answer(w.key, w.query)) != w.expect]
        if stale:
            outcomes = tuple(Outcome(w.key, "stale" if w.key in stale else "skipped") for w in payload.works)
            reason = f"not as planned any more: {', '.join(map(str, stale))}"
            return Reply(host, "stale", reason, machine.identity, _facts(machine, payload), outcomes, seen)
        if payload.works or delivery.epoch:
            self._epochs[host, delivery.store] = delivery.epoch
        outcomes = tuple(_perform_all(machine, payload.works))
        failed = next((o for o in outcomes if o.result == "failed"), None)
        return Reply(
            host=host,
            status="failed" if failed else "done",
            reason=f"{failed.key}: {failed.message}" if failed else "",
            identity=machine.identity,
            facts=_facts(machine, payload),
            outcomes=outcomes,
            seen=seen,
        )

    def _refusal(self, machine: Machine, delivery: Delivery) -> str:
        seen = self._epochs.get((delivery.host.name, delivery.store), 0)
        if (delivery.payload.works or delivery.epoch) and delivery.epoch < seen:
            return f"epoch {delivery.epoch} is older than {seen}, which this host has seen: a newer worker took over"
        if delivery.identity and delivery.identity != machine.identity:
            return f"another machine answers here: {machine.identity}, not {delivery.identity}"
        return ""


def _facts(machine: Machine, payload: Payload) -> Mapping[Key, Mapping[str, object]]:
    return {key: machine.answer(key, query) for key, query in payload.queries.items()}


def _perform_all(machine: Machine, works: Sequence[Work]) -> Iterator[Outcome]:
    failed = False
    for work in works:
        outcome = Outcome(work.key, "skipped") if failed else _perform(machine, work)
        failed = failed or outcome.result == "failed"
        yield outcome


def _perform(machine: Machine, work: Work) -> Outcome:
    fitting = [call for call in work.calls if not call.needs or call.needs in PROGRAMS]
    if work.calls and not fitting:
        names = sorted({call.needs for call in work.calls})
        said = f"{names[0]} is not on this host" if len(names) == 1 else f"none of {', '.join(names)} is on this host"
        return Outcome(work.key, "failed", said)
    if work.key in machine.failing:
        return Outcome(work.key, "failed", "it was told to fail")
    try:
        changed = [machine.perform(call) for call in fitting]
    except Failed as failure:
        return Outcome(work.key, "failed", str(failure))
    return Outcome(work.key, "changed" if any(changed) else "ok")
