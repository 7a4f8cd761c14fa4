"""Which channel hears of what, and when: by owner and project, not in quiet hours, not too often.

What has to wait waits; nothing is dropped. Must not know how a channel reaches anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.gate.timetable import open_until
from reconciler.core.serving.backoff import Backoff
from reconciler.model.calendar import Window
from reconciler.model.notice import Notice, NoticeKind, Outgoing

HOUR = timedelta(hours=1)
RETRY = Backoff(timedelta(seconds=10), 2.0, timedelta(minutes=30))
"""How long a channel is left alone that could not be reached."""
GIVE_UP = timedelta(days=3)
"""How old a notice gets before nobody wants to hear of it any more."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell somebody. It hears of what is of these kinds, owners and projects (none given: of all). `quiet` are
    its quiet hours, which `urgent` kinds break. At most `per_hour` messages come within an hour, each with up to
    `together` notices."""

    name: str
    kinds: frozenset[NoticeKind] = frozenset()
    owners: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    quiet: tuple[Window, ...] = ()
    urgent: frozenset[NoticeKind] = frozenset()
    per_hour: int = 20
    together: int = 1

    def hears_of(self, notice: Notice) -> bool:
        return (
            (not self.kinds or notice.kind in self.kinds)
            and (not self.owners or notice.owner in self.owners)
            and (not self.projects or notice.project in self.projects)
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """Notices that go to a channel in one message; `tries` is how often that was tried."""

    channel: str
    notices: tuple[Notice, ...]
    tries: int = 0


def addressed(channels: Iterable[Channel], notices: Sequence[Notice]) -> Iterator[tuple[str, Notice]]:
    """Each notice with each channel that hears of it. Who is asked for an approval need not also hear that the gate
    refused the same plan."""
    asked = [notice for notice in notices if notice.kind == "approval-needed"]
    for channel in channels:
        known = {(n.plan, n.services) for n in asked if channel.hears_of(n)}
        for notice in notices:
            doubled = notice.kind == "gate-refused" and (notice.plan, notice.services) in known
            if channel.hears_of(notice) and not doubled:
                yield channel.name, notice


def parcels(
    channels: Iterable[Channel], waiting: Sequence[Outgoing], sent: Mapping[str, int], now: datetime
) -> Iterator[Parcel]:
    """What may be sent now, the oldest first. `sent` counts each channel's messages of the last hour."""
    by_channel: dict[str, list[Outgoing]] = {}
    for outgoing in sorted(waiting, key=lambda each: (each.notice.at, each.notice.id)):
        by_channel.setdefault(outgoing.channel, []).append(outgoing)
    for channel in channels:
        silent = is_quiet(channel, now)
        ready = [
            outgoing
            for outgoing in by_channel.get(channel.name, ())
            if outgoing.due <= now and not (silent and outgoing.notice.kind not in channel.urgent)
        ]
        room = max(0, channel.per_hour - sent.get(channel.name, 0))
        for begin in range(0, min(len(ready), room * channel.together), channel.together):
            part = ready[begin : begin + channel.together]
            yield Parcel(channel.name, tuple(o.notice for o in part), max(o.tries for o in part))


def is_quiet(channel: Channel, now: datetime) -> bool:
    """Whether the channel's people don't want to be woken now."""
    return any(open_until(window, now) for window in channel.quiet)


def given_up(notice: Notice, now: datetime) -> bool:
    """Whether it is too late to tell it."""
    return now - notice.at > GIVE_UP
