"""The history of drift in words: how often, what ended it, and who seems to fight over it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.quote import SENSITIVE
from reconciler.core.recording.past import FIGHT, Past
from reconciler.core.words import counted, names, printable, value
from reconciler.model.episode import Ending, FieldDrift, Manner

RECENT_DAYS = 30
"""How far back commands look that show what drifts now."""
ENDINGS: dict[Ending, str] = {"us": "healed by a run", "host": "put back on the host", "git": "ended by Git"}


def past_text(past: Past) -> Iterator[str]:
    """What there is to say of something that drifted before; nothing of what does so for the first time."""
    if past.times > 1:
        yield f"{counted(past.times, 'time')} in {RECENT_DAYS} days{ended_text(past)}"
    elif past.times and not past.drifting:
        ended = next(words for ending, words in ENDINGS.items() if past.ended.get(ending))
        yield f"once in {RECENT_DAYS} days: {ended}"
    if past.healed >= FIGHT:
        yield f"healed {counted(past.healed, 'time')} in a day on {printable(names(past.fighting))}: two masters?"


def ended_text(past: Past) -> str:
    """`: healed by a run 3 times, put back on the host once`."""
    parts = [f"{words} {_times(past.ended[ending])}" for ending, words in ENDINGS.items() if past.ended.get(ending)]
    return f": {', '.join(parts)}" if parts else ""


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def manner_text(how: Manner) -> str:
    """`mode 0644 → 0600; content differs`."""
    match how.action:
        case "create":
            return "removed from the host"
        case "delete":
            return "came back"
        case _:
            return "; ".join(f"{printable(field.path)} {moved_text(field)}" for field in how.fields)


def moved_text(field: FieldDrift) -> str:
    """What became of a field on the host."""
    if field.sensitive:
        return SENSITIVE
    if field.desired is None and field.observed is None:
        return "differs"
    return f"{value(field.desired)} → {value(field.observed)}"
