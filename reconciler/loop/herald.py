"""Tells people and other programs what they should hear of: what is worth telling is put into the store first, and sent
from there, beside the daemon's loop.

So none is lost when a process dies, and one that was cut off after it was sent is sent again under the same id. Knows
no rule of what is told to whom, when (`core.notifying`), and no channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.core.notifying.channel import GIVE_UP, HOUR, RETRY, Channel, Parcel, addressed, parcels
from reconciler.core.notifying.notice import Standing, decide
from reconciler.loop.world import World
from reconciler.model.errors import ReconcilerError
from reconciler.model.event import Applied, Event, GivenUp, Notified, RolloutHalted, Troubled
from reconciler.ports import Held
from reconciler.ports.outbox import Messenger, Outbox

CLAIM = timedelta(minutes=3)
"""For how long nobody else sends what somebody is sending: longer than any message takes."""


@dataclass(slots=True)
class Herald:
    """A Listener for the words that go with what is told. `runner` runs a function, now or in another thread; `chance`
    gives numbers in [0, 1)."""

    channels: Sequence[Channel]
    messenger: Messenger
    runner: Callable[[Callable[[], None]], None]
    chance: Callable[[], float]
    busy: bool = False
    _resting: bool = False
    _heard: dict[str, str] = field(default_factory=dict)

    def on(self, event: Event) -> None:
        """Hears what happens. These are words only: whether something is so is seen by how things are."""
        match event:
            case RolloutHalted(service, reason):
                self._heard[service] = reason
            case Applied(run, "succeeded", services):
                self._heard.update((service, f"by run {run} of the daemon") for service in services)
            case _:
                pass

    def step(self, world: World, standing: Standing | None, held: Held, stopping: Callable[[], bool]) -> None:
        """Notes what is worth telling (`standing` None: nobody knows how things are just now), as whoever leads under
        the epoch that is `held`, and begins to send what may be sent. What the store can't do for now is told and tried
        again: nothing else waits for it."""
        outbox = world.outbox
        if outbox is None:
            return
        self._resting = False
        try:
            if standing is not None:
                self._note(world, outbox, standing, held.epoch)
            if not self.busy and outbox.waiting(1):
                self.busy = True
                self.runner(lambda: self._deliver(world, outbox, lambda: self._resting or stopping()))
        except ReconcilerError as error:
            world.tell(Troubled("notifications", error.message))

    def rest(self) -> bool:
        """Begins nothing more; whether nothing is under way."""
        self._resting = True
        return not self.busy

    def heard(self) -> dict[str, str]:
        """What was heard of services, in words."""
        return dict(self._heard)

    def _note(self, world: World, outbox: Outbox, standing: Standing, epoch: int) -> None:
        now = world.clock.now()
        decision = decide(standing, outbox.told(), now, world.store.id)
        if decision.told:
            outbox.put(list(addressed(self.channels, decision.notices)), decision.told, now, epoch)
        for notice in decision.notices:
            if notice.kind in ("drift-found", "healed"):
                # What is heard from now on is about what comes now.
                for service in notice.services:
                    self._heard.pop(service, None)

    def _deliver(self, world: World, outbox: Outbox, stopping: Callable[[], bool]) -> None:
        """In whatever thread."""
        try:
            now = world.clock.now()
            if gone := outbox.give_up(now - GIVE_UP):
                world.tell(GivenUp(gone))
            broken: set[str] = set()
            for parcel in parcels(self.channels, outbox.waiting(), outbox.messages(now - HOUR), now):
                if parcel.channel not in broken and not stopping() and not self._sent(world, outbox, parcel):
                    broken.add(parcel.channel)
        except ReconcilerError as error:
            world.tell(Troubled("notifications", error.message))
        finally:
            self.busy = False

    def _sent(self, world: World, outbox: Outbox, parcel: Parcel) -> bool:
        """Whether the channel can be reached."""
        now = world.clock.now()
        ours = outbox.claim(parcel, now, now + CLAIM)
        notices = tuple(notice for notice in parcel.notices if notice.id in ours)
        if not notices:
            return True
        wrong = self.messenger.send(Parcel(parcel.channel, notices), world.store.id)
        now = world.clock.now()
        if wrong:
            outbox.missed(parcel.channel, ours, now + RETRY.after(parcel.tries + 1, self.chance()))
        else:
            outbox.sent(parcel.channel, ours, now)
        world.tell(Notified(parcel.channel, len(notices), wrong))
        return not wrong
