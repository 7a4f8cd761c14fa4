"""Bugs that are planted to see that chaos finds them. Each bends the world of every worker, or the hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.core.notifying.channel import Parcel
from reconciler.core.planning.plan_json import sealed
from reconciler.loop import reconcile
from reconciler.loop.execute import Execution, Shift, execute
from reconciler.loop.world import World
from reconciler.model.delivery import Delivery, Reply
from reconciler.model.run import Run
from reconciler.ports import Hearing, unheard
from tests.chaos.scenario import CAP

Bend = Callable[[World], World]
RIGHT = execute
"""What a bug takes the place of, in a process of its own."""


@dataclass
class _LateIntent:
    """Writes the intent only with the first outcomes."""

    store: Any
    late: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def intend(self, *intent: Any) -> None:
        self.late = intent

    def record(self, *record: Any) -> None:
        if self.late:
            self.store.intend(*self.late)
            self.late = ()
        self.store.record(*record)


@dataclass
class _PartialRead:
    """Takes what could not be read for absent."""

    carrier: Any

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        for reply in self.carrier.carry(deliveries, stopping, hearing):
            facts = {key: {"exists": False} if "error" in fact else fact for key, fact in reply.facts.items()}
            yield replace(reply, facts=facts)


def _amnesia(world: World) -> World:
    """Ends interrupted runs without asking anybody."""

    def recover(world: World, held: Any, _stopping: object) -> None:
        for run in world.store.unfinished():
            world.store.end_run(world.store.take_over(run, held.epoch), "interrupted", world.clock.now())

    reconcile.recover = recover  # type: ignore[assignment]  # in a process of its own
    return world


def _last_batch_first(world: World) -> World:
    """Begins the batches of a service with the last."""

    def wrongly(world: World, execution: Execution, shift: Shift) -> Run:
        steps = sorted(execution.plan.steps, key=lambda s: (s.service, -s.batch.number if s.batch else 0))
        return RIGHT(world, replace(execution, plan=sealed(replace(execution.plan, steps=tuple(steps)))), shift)

    reconcile.execute = wrongly  # type: ignore[attr-defined]  # in a process of its own
    return world


@dataclass
class _SentTooSoon:
    """Takes notices for sent as soon as they are about to be."""

    outbox: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outbox, name)

    def claim(self, parcel: Parcel, now: datetime, until: datetime) -> Any:
        ours = self.outbox.claim(parcel, now, until)
        self.outbox.sent(parcel.channel, ours, now)
        return ours


@dataclass
class _Forgetful:
    """Does not keep what was told with the notices, so the next one gets an id that was there."""

    outbox: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.outbox, name)

    def put(self, notices: Any, _told: object, *rest: Any) -> Any:
        return self.outbox.put(notices, (), *rest)


def _right(world: World) -> World:
    return world


def _off_by_one(world: World) -> World:
    return replace(world, limits=replace(world.limits, deletes=CAP + 1))


PLANTS: dict[str, tuple[Bend, bool]] = {
    "no fence": (_right, False),
    "late intent": (lambda world: replace(world, store=_LateIntent(world.store)), True),
    "partial read trusted": (lambda world: replace(world, carrier=_PartialRead(world.carrier)), True),
    "cap off by one": (_off_by_one, True),
    "recovery without asking": (_amnesia, True),
    "last batch first": (_last_batch_first, True),
    "sent before it is sent": (lambda world: replace(world, outbox=_SentTooSoon(world.outbox)), True),
    "told and forgotten": (lambda world: replace(world, outbox=_Forgetful(world.outbox)), True),
}
"""How the world is bent, and whether hosts check epochs."""
