"""What a limit says to a plan that breaks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that the plan breaks: its value, the actual figure (counts, or shares of 1), in words, and how to go on.
    `examples` name what breaks it, grouped. `subject` is the policy's name, where the limit is one."""

    limit: str
    value: float
    actual: float
    message: str
    hint: str
    examples: tuple[str, ...] = ()
    subject: str = ""


def most(counts: Mapping[tuple[str, str], int]) -> tuple[str, ...]:
    """The largest counts by (service, resource), as examples."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{service}: {count:,} × {what}" for (service, what), count in ordered[:5]]
    return (*lines, f"… and {len(ordered) - 5:,} more") if len(ordered) > 5 else tuple(lines)
