"""What a reconcile works with: the ports, the kinds and the limits, wired together elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.core.assessing.due import Due, Judged
from reconciler.core.assessing.heads import NOBODY, Standing
from reconciler.core.gate import Limits
from reconciler.core.parsing.limits import Limits as ParseLimits
from reconciler.core.planning.batch import Caution
from reconciler.core.running.watch import Patience
from reconciler.kinds import Registry
from reconciler.model.errors import Stalled
from reconciler.model.event import Event
from reconciler.model.plan import Program
from reconciler.model.secret import Secret
from reconciler.ports import Brake, Carrier, Clock, Inventory, Listener, Prober, Secrets, Source, Store
from reconciler.ports.outbox import Outbox

if TYPE_CHECKING:
    from reconciler.loop.library import Library
    from reconciler.loop.pinned import Pinboard


def _pinboard() -> Pinboard:
    # Who only looks into the store needs nothing that reads documents.
    from reconciler.loop.pinned import Pinboard

    return Pinboard()


@dataclass(frozen=True, slots=True)
class Reading:
    """What it takes to read what Git asks for, and the hosts from elsewhere that it asks it for."""

    source: Source
    registry: Registry
    library: Library
    limits: ParseLimits = field(default_factory=ParseLimits)
    allow_local: bool = False
    inventories: Sequence[Inventory] = ()
    pinboard: Pinboard = field(default_factory=_pinboard)


@dataclass(slots=True)
class Memory:
    """What the last plan of this process found, so that the next one costs what differs. Only a help: without it a
    plan is the same."""

    standing: Standing = NOBODY
    judged: Judged | None = None
    programs: Mapping[tuple[Due, ...], Program] = field(default_factory=dict)


class NoSecrets:
    """Where none can be had."""

    def value(self, secret: Secret) -> str:
        """Raises Stalled."""
        raise Stalled("nothing here opens secrets", "see docs/secrets.md")


@dataclass(frozen=True, slots=True)
class World:
    """One state repository, one store, one way to reach hosts. `keep`: how long runs are remembered (None: ever).
    `secrets` opens those of one run; `outbox` keeps notices, if anybody is to be told of anything."""

    reading: Reading
    store: Store
    carrier: Carrier
    prober: Prober
    clock: Clock
    listeners: Sequence[Listener] = ()
    limits: Limits = field(default_factory=Limits)
    memory: Memory = field(default_factory=Memory)
    caution: Caution = field(default_factory=Caution)
    patience: Patience = field(default_factory=Patience)
    keep: timedelta | None = None
    secrets: Callable[[], Secrets] = NoSecrets
    brake: Brake | None = None
    outbox: Outbox | None = None

    @property
    def registry(self) -> Registry:
        return self.reading.registry

    def tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener.on(event)
