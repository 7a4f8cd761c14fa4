"""What operators ordered, gathered from the brake and the store. The brake is looked at first: it needs no store."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.gate.timetable import Timetable
from reconciler.loop.world import World
from reconciler.model.desired import Desired
from reconciler.model.order import Order, Orders


def braked(world: World) -> Order | None:
    """The pause that holds whatever has become of the store."""
    return world.brake.pulled() if world.brake else None


def orders(world: World) -> Orders:
    """Everything that is ordered now."""
    brake = braked(world)
    kept = world.store.orders(world.clock.now())
    return replace(kept, pause=brake) if brake else kept


def timetable(world: World, desired: Desired) -> Timetable:
    """What restrains changes now: by Git and by order."""
    return Timetable(desired.windows, desired.freezes, orders(world))
