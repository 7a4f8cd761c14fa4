"""What it takes to tell people and other programs something, once, whatever dies meanwhile: a place where notices are
kept until they are sent, and somebody who sends them. Must not know what is worth telling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.core.notifying.channel import Parcel
from reconciler.model.notice import Notice, Outgoing, Told, Topic


class Outbox(Protocol):
    """Notices that are not sent yet, and what was told. Writes are whole: all of a call, or nothing of it."""

    def told(self) -> Mapping[Topic, Told]:
        """What was last told of each service in each respect."""
        ...

    def put(self, notices: Sequence[tuple[str, Notice]], told: Sequence[Told], at: datetime, epoch: int) -> int:
        """Keeps notices (each with the channel that it goes to), and what is told with them. One that is there already
        stays as it is; answers how many are new. Forgets what was sent long ago. Raises Stalled when the lease of the
        epoch is not in force any more."""
        ...

    def waiting(self, limit: int = 2000) -> list[Outgoing]:
        """Those that are not sent, the oldest first."""

    def messages(self, since: datetime) -> Mapping[str, int]:
        """How many messages each channel got since."""
        ...

    def claim(self, parcel: Parcel, now: datetime, until: datetime) -> Collection[str]:
        """The ids of those of a parcel that nobody sent, or is sending: they are ours until then. Of all that claim one
        at a time, one gets it."""
        ...

    def sent(self, channel: str, ids: Collection[str], at: datetime) -> None:
        """They have arrived, in one message. Nobody gets them from `waiting` any more."""

    def missed(self, channel: str, ids: Collection[str], due: datetime) -> None:
        """They could not be sent: they wait for the next try, and nothing of the channel is due before."""

    def give_up(self, before: datetime) -> int:
        """Takes those out that are older, unsent; how many."""
        ...


class Messenger(Protocol):
    """Brings messages to channels."""

    def send(self, parcel: Parcel, store: str) -> str:
        """Why it could not be brought, in words without secrets; empty: it has arrived. `store` is where the notices
        come from. Ends in bounded time, and never raises for what a channel does."""
        ...
