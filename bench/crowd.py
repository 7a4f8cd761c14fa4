"""The hosts of a fleet that is made up, behind the `Carrier` port: what they answer, and what becomes of them.

A host is the facts that it would tell of each of its resources. Knows the few calls that the fleet's services make;
must not know plans, runs or stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from reconciler.model.delivery import Delivery, Outcome, Reply, Work
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Facts, Observation
from reconciler.ports import Hearing, unheard

Effects = dict[int, Facts]
"""What each work makes of its resource, by the work's id: hosts that are given the same share it."""


@dataclass
class Crowd:
    """`away` can't be reached, `losing` break off after they have done what they were given, on `failing` every change
    fails. `asked` and `changed` count visits and changes."""

    hosts: dict[str, dict[Key, Facts]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    losing: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    asked: int = 0
    changed: int = 0
    _epochs: dict[str, int] = field(default_factory=dict)

    def settle(self, seen: Iterable[Observation]) -> None:
        """Hosts that are as they said."""
        for each in seen:
            self.hosts[each.host] = {key: fact.facts for key, fact in each.facts.items()}

    def drift(self, host: str, chance: Random) -> None:
        """Somebody changes something there."""
        mine = self.hosts[host]
        keys = sorted(key for key in mine if key.kind in ("file", "sysctl"))
        if keys:
            key = chance.choice(keys)
            what = "mode" if key.kind == "file" else "value"
            mine[key] = {**mine[key], what: chance.choice(("0600", "0666", "0777"))}

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        """As the port says."""
        effects: Effects = {}
        for delivery in deliveries:
            host = delivery.host.name
            if stopping():
                yield Reply(host, "skipped", "not begun: the run was stopped")
            elif host in self.away:
                yield Reply(host, "unreachable", "ssh: timed out")
            else:
                reply = self._visit(delivery, effects)
                lost = host in self.losing and delivery.payload.works
                yield Reply(host, "lost", "the connection broke") if lost else reply

    def _visit(self, delivery: Delivery, effects: Effects) -> Reply:
        host, payload = delivery.host.name, delivery.payload
        mine, identity, seen = self.hosts[host], f"id-{host}", self._epochs.get(host, 0)
        self.asked += 1
        if delivery.epoch and delivery.epoch < seen:
            return Reply(host, "refused", f"epoch {delivery.epoch} is older than {seen}")
        stale = [w.key for w in payload.works if w.expect and digest(mine[w.key]) != w.expect]
        if stale:
            facts = {key: mine[key] for key in payload.queries}
            skipped = tuple(Outcome(w.key, "stale" if w.key in stale else "skipped") for w in payload.works)
            return Reply(host, "stale", "not as planned any more", identity, facts, skipped, seen)
        if delivery.epoch:
            self._epochs[host] = delivery.epoch
        outcomes = tuple(self._work(host, payload.works, effects))
        facts = {key: mine[key] for key in payload.queries}
        failed = bool(outcomes) and outcomes[0].result == "failed"
        reason = f"{outcomes[0].key}: the disk is full" if failed else ""
        return Reply(host, "failed" if failed else "done", reason, identity, facts, outcomes, seen)

    def _work(self, host: str, works: Sequence[Work], effects: Effects) -> Iterator[Outcome]:
        for number, work in enumerate(works):
            if host in self.failing:
                yield Outcome(work.key, "skipped" if number else "failed", "" if number else "the disk is full")
                continue
            if id(work) not in effects:
                effects[id(work)] = {**self.hosts[host][work.key], **_effect(work)}
            self.hosts[host][work.key] = effects[id(work)]
            self.changed += 1
            yield Outcome(work.key, "changed")


def _effect(work: Work) -> dict[str, Any]:
    """What a work changes in what its host says of the resource."""
    calls = {call.module.rpartition(".")[2]: call for call in work.calls}
    match work.key.kind:
        case "package":
            return {"status": "installed", "versions": [calls["apt"].args["name"][0].partition("=")[2]]}
        case "file":
            copy = calls["copy"]
            data = copy.files["src"]
            sha = "sha256:" + hashlib.sha256(data).hexdigest()
            return {"exists": True, "type": "file", "sha256": sha, "mode": copy.args["mode"], "text": data.decode()}
        case "sysctl":
            value = calls["command"].args["argv"][-1].partition("=")[2]
            return {"exists": True, "value": value, "persisted": value}
        case "service":
            return {}
        case kind:
            raise AssertionError(kind)
