"""Asks hosts: those whose answers are missing, too old or unreachable; one round trip each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.core.assessing.heads import standing
from reconciler.core.observing.ask import Questions, payloads
from reconciler.core.observing.observed import Interned, Reading, observed
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
    rest = set((standing(desired, heads, world.memory.standing).open & about) - old)
    _ask(world, desired, _Hosts(old, rest), stopping)


def ask(world: World, desired: Desired, hosts: Collection[str], stopping: Callable[[], bool]) -> Asked:
    """Asks just these hosts, those of them that anything is asked of. Every answer is stored."""
    return _ask(world, desired, _Hosts({host for host in hosts if host in desired.hosts}, set()), stopping)


def lacking(world: World, desired: Desired, heads: Mapping[str, Head]) -> set[str]:
    """Hosts that can be reached and were not asked yet for all that Git asks for now."""
    still = standing(desired, heads, world.memory.standing).open
    hosts = {host for host in still if host in heads and not heads[host].unreachable}
    known = world.store.observations(hosts)
    asks = payloads(desired, world.store.ownership(hosts), Questions(world.registry))
    return {host for host in hosts if host in asks and _lacks(known.get(host), asks[host])}


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Those to ask, and those to ask if an answer is missing."""

    surely: set[str]
    perhaps: set[str]

    @property
    def all(self) -> set[str]:
        return self.surely | self.perhaps


def _ask(world: World, desired: Desired, hosts: _Hosts, stopping: Callable[[], bool]) -> Asked:
    known = world.store.observations(hosts.all)
    asks = payloads(desired, world.store.ownership(hosts.all), Questions(world.registry))
    wanted = {host for host in hosts.all if host in asks and asks[host].queries}
    due = [host for host in wanted if host in hosts.surely or _lacks(known.get(host), asks[host])]
    asked = Asked()
    if not due:
        return asked
    world.tell(ObserveStarted(len(due)))
    deliveries = [Delivery(desired.hosts[host], asks[host]) for host in sorted(due)]
    for batch in _batches(world, deliveries, known, stopping):
        # Somebody may have changed a host meanwhile, and know how it is since.
        world.store.save_observations(batch, known)
        for seen in batch:
            asked.note(seen, known.get(seen.host))
    world.tell(ObserveFinished(len(asked.answered), len(due) - len(asked.answered)))
    return asked


@dataclass(frozen=True, slots=True)
class Asked:
    """Hosts that answered, and that did not; of both those that are not as they were known before."""

    answered: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    def note(self, seen: Observation, before: Observation | None) -> None:
        (self.silent if seen.unreachable else self.answered).add(seen.host)
        was = (before.fingerprint, before.unreachable) if before else None
        if was != (seen.fingerprint, seen.unreachable):
            self.changed.add(seen.host)


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
