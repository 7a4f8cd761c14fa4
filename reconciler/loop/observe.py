"""Asks hosts: those whose answers are missing, too old or unreachable; one round trip each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.ask import Questions, payloads
from reconciler.core.heads import standing
from reconciler.core.observed import Interned, Reading, observed
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Payload
from reconciler.model.desired import Desired
from reconciler.model.digest import digest
from reconciler.model.event import HostObserved, ObserveFinished, ObserveStarted
from reconciler.model.observation import Head, Observation

GROUP = 500
"""Observations written in one transaction."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old answers may be: None asks nobody, zero asks everybody. `only`: the hosts that it is about (None: all)."""

    max_age: timedelta | None = timedelta(0)
    only: frozenset[str] | None = None


def observe(world: World, desired: Desired, freshness: Freshness, stopping: Callable[[], bool]) -> None:
    """Asks the hosts that the freshness asks for. Every answer is stored."""
    if freshness.max_age is None:
        return
    heads = world.store.heads()
    since = world.clock.now() - freshness.max_age
    about = frozenset(desired.hosts) if freshness.only is None else freshness.only & frozenset(desired.hosts)
    old = {host for host in about if _old(heads.get(host), since)}
    # The others were asked lately, but perhaps not for all that Git asks for now.
    rest = (standing(desired, heads, world.memory.standing).open & about) - old
    known = world.store.observations(old | rest)
    asks = payloads(desired, world.store.ownership(old | rest), Questions(world.registry))
    due = sorted(h for h, p in asks.items() if p.queries and (h in old or (h in rest and _lacks(known.get(h), p))))
    if not due:
        return
    world.tell(ObserveStarted(len(due)))
    answered = 0
    deliveries = [Delivery(desired.hosts[host], asks[host]) for host in due]
    for batch in _batches(world, deliveries, known, stopping):
        world.store.save_observations(batch)
        answered += sum(not observation.unreachable for observation in batch)
    world.tell(ObserveFinished(answered, len(due) - answered))


def _old(head: Head | None, since: datetime) -> bool:
    return head is None or head.observed_at is None or bool(head.unreachable) or head.observed_at <= since


def _lacks(seen: Observation | None, payload: Payload) -> bool:
    """Whether an answer to one of the questions is missing."""
    facts = seen.facts if seen else {}
    return any(key not in facts or facts[key].query != digest(query) for key, query in payload.queries.items())


def _batches(
    world: World, deliveries: list[Delivery], known: Mapping[str, Observation], stopping: Callable[[], bool]
) -> Iterator[list[Observation]]:
    interned = Interned.of(known.values())
    payload = {delivery.host.name: delivery.payload for delivery in deliveries}
    batch: list[Observation] = []
    for reply in world.carrier.carry(deliveries, stopping):
        if reply.status == "skipped":
            continue
        world.tell(HostObserved(reply))
        reading = Reading(reply, payload[reply.host], known.get(reply.host), world.clock.now())
        batch.append(observed(reading, interned))
        if len(batch) >= GROUP:
            yield batch
            batch = []
    if batch:
        yield batch
