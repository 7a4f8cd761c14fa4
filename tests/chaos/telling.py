"""What a daemon tells, in a worker that may be killed at any point of it: that a service was halted at the newest
revision, to somebody who remembers what he hears.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.notifying.channel import Channel, Parcel
from reconciler.core.notifying.notice import Standing
from reconciler.loop.herald import Herald
from reconciler.loop.lead import PURPOSE
from reconciler.loop.reconcile import never
from reconciler.loop.world import World
from tests.chaos.faults import Fault, Struck
from tests.chaos.hosts import Hosts

SERVICE = "edge"
CHANNEL = Channel("team", per_hour=1_000_000, together=20)


@dataclass(frozen=True)
class Crier:
    """To the hosts' process, which lives on."""

    hosts: Hosts

    def send(self, parcel: Parcel, store: str) -> str:
        """As the port says."""
        self.hosts.ask(("hear", [(notice.id, notice.revision) for notice in parcel.notices]))
        return ""


def tell(world: World, hosts: Hosts, fault: Fault) -> None:
    """What is new, and what is left from who died. Raises Taken while somebody else is at it."""
    messenger = Struck(Crier(hosts), "messenger", fault)
    herald = Herald((CHANNEL,), messenger, lambda work: work(), lambda: 0.5)
    revision = world.reading.source.revision().sha
    with world.store.hold(PURPOSE) as held:
        herald.step(world, Standing(revision, halted=frozenset({SERVICE})), held, never)
