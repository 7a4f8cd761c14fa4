"""Which hosts need a closer look: those for which Git's request, or their answer, is not what it was when all was well.

Knows digests only. How hosts stand is worked out anew only for those of which something has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

from reconciler.model.desired import Desired, Profile
from reconciler.model.observation import Head

T = TypeVar("T")
_SIZE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How all hosts stand: what is asked of each, what is known of each, and which are `open`: to be looked at.

    Those are hosts that aren't settled, and those that left Git with things of ours on them. `layouts` are the shared
    parts of what is asked; `bases` those by which hosts were in order that are open only because Git asks for something
    else now. `total` is the sum of a digest for each host of what it said; `oldest` is when the oldest answer was given
    of hosts that Git asks for and that can be reached.
    """

    asked: Mapping[str, str]
    layouts: Mapping[str, Profile]
    heads: Mapping[str, Head]
    open: frozenset[str]
    bases: Mapping[str, Profile]
    total: int
    oldest: datetime | None

    @property
    def fingerprint(self) -> str:
        """Covers what all hosts that Git asks for said last. A sum, so that a host that changes costs one host."""
        return f"{self.total:0{2 * _SIZE}x}"


NOBODY = Standing({}, {}, {}, frozenset(), {}, 0, None)


def standing(desired: Desired, heads: Mapping[str, Head], before: Standing = NOBODY) -> Standing:
    """How hosts stand, from how they stood before. On a host that is not open everything is in order and on record,
    by digest: nothing is due there."""
    layouts = desired.layouts
    # The same object is the same request, and so is nearly every other that is equal: no digest is made to tell.
    another = differing(before.layouts, layouts)
    said = differing(before.heads, heads)
    were_in_order = _were_in_order(another, set(said), desired, before)
    # In the order of the mappings: to look at a fleet's hosts in any other takes twice as long.
    moved = {**dict.fromkeys(another), **dict.fromkeys(said)}
    opened = _opened([host for host in moved if host not in were_in_order], desired, heads)
    # What Git asks for makes no difference to what was said, but for hosts that come and go.
    came_or_went = [host for host in another if (host in layouts) is not (host in before.layouts)]
    said = {**dict.fromkeys(said), **dict.fromkeys(came_or_went)}
    total = before.total + _sum(said, layouts, heads) - _sum(said, before.layouts, before.heads)
    bases = {host: base for host, base in before.bases.items() if host not in moved}
    bases.update(_bases(opened, heads, before))
    bases.update(were_in_order)
    return Standing(
        asked=desired.asked,
        layouts=layouts,
        heads=heads,
        open=frozenset().union(before.open - moved.keys(), opened, were_in_order),
        bases=bases,
        total=total % (1 << 8 * _SIZE),
        oldest=_oldest(layouts, heads, before, said),
    )


def _oldest(
    layouts: Mapping[str, Profile], heads: Mapping[str, Head], before: Standing, said: Collection[str]
) -> datetime | None:
    """From all hosts only if one that has moved was the oldest before."""
    if before.oldest is None or before.oldest in _given(said, before.layouts, before.heads):
        return min(_given(layouts, layouts, heads), default=None)
    return min([before.oldest, *_given(said, layouts, heads)])


def _given(hosts: Collection[str], layouts: Mapping[str, Profile], heads: Mapping[str, Head]) -> set[datetime]:
    """When hosts that Git asks for gave their answers."""
    # By position, since this may look at every host: (host, observed_at, fingerprint, unreachable, …).
    found = {heads[host][1] for host in hosts if host in heads and host in layouts and not heads[host][3]}
    return {at for at in found if at}


def differing(before: Mapping[str, T], now: Mapping[str, T]) -> Collection[str]:
    """Names of which one has another object than the other, or none. Fast where both have the same names in the same
    order, as copies with some values replaced do."""
    if before is now:
        return ()
    if not before:
        return now
    if len(before) == len(now) and all(map(is_, before, now)):
        return [*compress(now, map(is_not, before.values(), now.values()))]
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}


def _were_in_order(
    another: Collection[str], said: Collection[str], desired: Desired, before: Standing
) -> dict[str, Profile]:
    """Hosts that were in order and said nothing new, with what was asked of them till now. They are open because Git
    asks for something else, which can be told without a look at their heads."""
    calm = [host for host in another if host in before.layouts and host not in before.open and host not in said]
    was = [*map(before.layouts.__getitem__, calm)]
    moves = [*zip(was, map(desired.layouts.get, calm), strict=True)]
    # Told once for all that get another shared part; else it may be in what is each host's own.
    others = {(old, new) for old, new in set(moves) if new is not None and new.digest != old.digest}
    if len(others) == len(set(moves)):
        return dict(zip(calm, was, strict=True))
    return {
        host: old
        for host, old, move in zip(calm, was, moves, strict=True)
        if move in others or (move[1] and desired.asked[host] != before.asked[host])
    }


def _opened(hosts: Collection[str], desired: Desired, heads: Mapping[str, Head]) -> set[str]:
    """Those that are not in order for what Git asks and they answered, and those with things of ours that left Git."""
    found, layouts, asked = set(), desired.layouts, desired.asked
    for host in hosts:
        head = heads.get(host)
        if host not in layouts:
            if head is not None and head.owned:
                found.add(host)
        elif head is None or head.answered != head.fingerprint or head.unreachable or head.asked != asked[host]:
            found.add(host)
    return found


def _bases(opened: Collection[str], heads: Mapping[str, Head], before: Standing) -> dict[str, Profile]:
    """What was asked of hosts for which their mark still tells how they are."""
    found: dict[str, Profile] = {}
    for host in opened:
        head = heads.get(host)
        if head is None or not head.alike or head.answered != head.fingerprint or head.unreachable:
            continue
        if host in before.layouts and head.asked == before.asked[host]:
            found[host] = before.layouts[host]
        elif host in before.bases and before.heads[host].asked == head.asked:
            found[host] = before.bases[host]
    return found


def _sum(hosts: Collection[str], layouts: Mapping[str, Profile], heads: Mapping[str, Head]) -> int:
    """The part that these hosts have in the total; nothing for hosts that were never asked, or that left Git."""
    said = [f"{host}\0{heads[host].fingerprint}".encode() for host in hosts if host in heads and host in layouts]
    return sum([int.from_bytes(blake2b(each, digest_size=_SIZE).digest(), "big") for each in said])
