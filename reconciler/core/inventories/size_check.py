"""Whether a new reading of an inventory is too far from the one in use to be believed without anybody's word.

A reading that is cut in half looks like a fleet that lost half of its hosts. Must not know where readings come from.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.inventory import Delta, Snapshot


@dataclass(frozen=True, slots=True)
class Bounds:
    """Shares of the hosts in use that may go, or get other labels, and that may come. `floor` is a number of hosts
    that may always, so that small inventories are pleasant too."""

    lost: float = 0.25
    gained: float = 1.0
    floor: int = 10


def delta(before: Snapshot | None, after: Snapshot) -> Delta:
    """What is different. Labels count only while the same settings make them."""
    new = after.admitted.hosts
    if before is None:
        return Delta(0, len(new), gained=len(new))
    old = before.admitted.hosts
    moved = sum(old[name].labels != new[name].labels for name in old.keys() & new.keys())
    return Delta(
        before=len(old),
        after=len(new),
        lost=len(old.keys() - new.keys()),
        gained=len(new.keys() - old.keys()),
        moved=moved if before.rules == after.rules else 0,
    )


def objection(found: Delta, bounds: Bounds, *, first: bool) -> str:
    """Why the reading is not taken as it is; empty when it is fine. `first`: there is none before it."""
    if found.after == 0 and (first or found.before):
        return "it lists no usable host"
    if first:
        return ""
    if found.lost > bounds.floor and found.lost >= bounds.lost * found.before:
        return f"{found.lost:,} of {found.before:,} hosts are gone; the limit is {bounds.lost:.0%} (max_lost)"
    if found.moved > bounds.floor and found.moved >= bounds.lost * found.before:
        return f"{found.moved:,} of {found.before:,} hosts have other labels; the limit is {bounds.lost:.0%} (max_lost)"
    if found.gained > bounds.floor and found.gained >= bounds.gained * found.before:
        return f"{found.gained:,} hosts came to {found.before:,}; the limit is {bounds.gained:.0%} (max_gained)"
    return ""
