"""What waits to be told, channel by channel, as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core.instant import to_text
from reconciler.core.notifying.channel import Channel, is_quiet
from reconciler.core.notifying.notice_json import notice_document
from reconciler.core.notifying.wording import said
from reconciler.core.words import Line, counted, printable, since
from reconciler.model.notice import Outgoing

SHOWN = 10
"""Notices of a channel that are shown."""


def outbox_text(channels: Sequence[Channel], waiting: Sequence[Outgoing], now: datetime) -> Iterator[Line]:
    """Each channel with what waits for it."""
    if not channels:
        yield Line(
            "Nobody is told anything: there is no [[notify]] in the settings (see docs/notifications.md).", "dim"
        )
    for channel in channels:
        its = [outgoing for outgoing in waiting if outgoing.channel == channel.name]
        yield Line(f"{channel.name}   {_state(channel, its, now)}", "warn" if any(o.tries for o in its) else "bold")
        for outgoing in its[:SHOWN]:
            yield Line(f"  {outgoing.notice.at:%Y-%m-%d %H:%M} UTC   {printable(said(outgoing.notice))}")
        if len(its) > SHOWN:
            yield Line(f"  … and {len(its) - SHOWN:,} more", "dim")


def _state(channel: Channel, its: Sequence[Outgoing], now: datetime) -> str:
    parts = [f"{counted(len(its), 'notice')} {'waits' if len(its) == 1 else 'wait'}" if its else "nothing waits"]
    if its:
        parts[0] += f", {since(min(o.notice.at for o in its), now)}"
    if tries := max((o.tries for o in its), default=0):
        due = max(o.due for o in its)
        parts.append(f"could not be told in {counted(tries, 'try', 'tries')}, the next at {due:%H:%M:%S} UTC")
    if is_quiet(channel, now):
        parts.append("these are its quiet hours")
    return " · ".join(parts)


def outbox_markdown(channels: Sequence[Channel], waiting: Sequence[Outgoing], now: datetime) -> Iterator[str]:
    """The same as a list."""
    for channel in channels:
        its = [outgoing for outgoing in waiting if outgoing.channel == channel.name]
        yield f"- **{channel.name}** {_state(channel, its, now)}"
        yield from (f"  - {outgoing.notice.at:%Y-%m-%d %H:%M} UTC {said(outgoing.notice)}" for outgoing in its[:SHOWN])


def outbox_document(channels: Sequence[Channel], waiting: Sequence[Outgoing], now: datetime) -> dict[str, Any]:
    """The same as a value, with every notice."""
    return {
        "format_version": 1,
        "channels": [
            {
                "name": channel.name,
                "quiet": is_quiet(channel, now),
                "waiting": [
                    {"notice": notice_document(o.notice), "tries": o.tries, "due": to_text(o.due)}
                    for o in waiting
                    if o.channel == channel.name
                ],
            }
            for channel in channels
        ],
    }
