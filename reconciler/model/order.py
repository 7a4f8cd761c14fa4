"""What operators order beside Git: pause, freeze, pin, and the word that overrides a limit. Who, why and when.

Must not know where orders are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

OrderKind = Literal["pause", "freeze", "pin", "override"]


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `subject` is what it is about: the service that is pinned; `service:NAME`, `project:NAME` or nothing
    (everything) that is frozen; the plan's digest that a limit was overridden for; nothing for a pause.

    `revision` is the commit of a pin. `until` None: until it is taken back.
    """

    kind: OrderKind
    who: str
    why: str
    at: datetime
    subject: str = ""
    until: datetime | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders that hold at one time. `pins` by service."""

    pause: Order | None = None
    freezes: tuple[Order, ...] = ()
    pins: dict[str, Order] = field(default_factory=dict)


NO_ORDERS = Orders()
