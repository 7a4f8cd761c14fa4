"""Pieces of a comment that has to fit: each in several lengths and of some weight, put together in their own order.

Knows sizes; must not know what the pieces say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LEFT_OUT = 160
"""Bytes that are kept free to say what was left out."""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece. `forms` are its texts, the longest first; the lightest `weight` finds room first. `name` is said when
    it finds none, or only a shorter form does."""

    weight: int
    forms: tuple[str, ...]
    name: str = ""


def size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text.encode())


def fitted(blocks: Sequence[Block], limit: int) -> tuple[str, bool]:
    """The pieces that fit into so many bytes, in the order in which they were given; and whether that is not all.

    What weighs nothing is always there, in its shortest form at least.
    """
    chosen = {at: block.forms[-1] for at, block in enumerate(blocks) if block.weight == 0}
    room = limit - _LEFT_OUT - sum(size(text) + 2 for text in chosen.values())
    left: dict[str, None] = {}
    for at in sorted(range(len(blocks)), key=lambda at: blocks[at].weight):
        block, used = blocks[at], size(chosen[at]) if at in chosen else -2
        form = next((form for form in block.forms if size(form) - used <= room), None)
        if form is not None:
            room -= size(form) - used
            chosen[at] = form
        if form != block.forms[0] and block.name:
            left.setdefault(block.name)
    if left:
        last = max(chosen)
        said = ", ".join(list(left)[:4]) + (f" and {len(left) - 4} more" if len(left) > 4 else "")
        chosen[last] = f"_Shortened to fit: {said}._\n\n{chosen[last]}"
    return "\n\n".join(chosen[at] for at in sorted(chosen)) + "\n", bool(left)
