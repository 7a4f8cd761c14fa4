"""Which hosts need a closer look: those for which Git's request, or their answer, is not what it was when all was well.

Knows digests only. How hosts stand is worked out anew only for those of which something has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import compress
from operator import is_, is_not, ne
from typing import TypeVar

from reconciler.model.desired import Desired, Host, Profile
from reconciler.model.observation import Head

T = TypeVar("T")
_SIZE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How all `hosts` stand: what is asked of each, what is known of each, and which are `open`: to be looked at.

    Those are hosts that aren't settled, and those that left Git with things of ours on them. `layouts` are the shared
    parts of what is asked; `bases` those by which hosts were in order that are open only because Git asks for something
    else now. `total` is the sum of a digest for each host of what it said; `oldest` is when the oldest answer was given
    of hosts that Git asks for and that can be reached.
    """

    hosts: Mapping[str, Host]
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


NOBODY = Standing({}, {}, {}, {}, frozenset(), {}, 0, None)


def standing(desired: Desired, heads: Mapping[str, Head], before: Standing = NOBODY) -> Standing:
    """How hosts stand, from how they stood before. On a host that is not open everything is in order and on record,
    by digest: nothing is due there."""
    layouts = desired.layouts
    # The same object is the same request, and so is nearly every other that is equal: no digest is made to tell.
    another = differing(before.layouts, layouts, alike=desired.hosts is before.hosts)
    said = differing(before.heads, heads)
    were_in_order = _were_in_order(another, frozenset(said), desired, before) if before.layouts else {}
    # In the order of the mappings: to look at a fleet's hosts in any other takes twice as long.
    moved = dict.fromkeys(another)
    moved.update(dict.fromkeys(said))
    others = [host for host in moved if host not in were_in_order] if were_in_order else moved
    still = _still_waiting(others, desired, heads, before) if before.bases else {}
    opened = _opened([host for host in others if host not in still] if still else others, desired, heads)
    if said is not heads:
        # What Git asks for makes no difference to what was said, but for hosts that come and go.
        came_or_went = [host for host in another if (host in layouts) is not (host in before.layouts)]
        said = {**dict.fromkeys(said), **dict.fromkeys(came_or_went)}
    then, now = _told(said, before.layouts, before.heads), _told(said, layouts, heads)
    bases = {host: base for host, base in before.bases.items() if host not in moved}
    bases.update(_bases(opened, heads, before))
    bases.update(still)
    bases.update(were_in_order)
    return Standing(
        hosts=desired.hosts,
        asked=desired.asked,
        layouts=layouts,
        heads=heads,
        open=frozenset().union(before.open - moved.keys(), opened, still, were_in_order),
        bases=bases,
        total=(before.total + _sum(now) - _sum(then)) % (1 << 8 * _SIZE),
        oldest=_oldest(before, then, now) or min(_given(_told(heads, layouts, heads)), default=None),
    )


def _told(hosts: Collection[str], layouts: Mapping[str, Profile], heads: Mapping[str, Head]) -> list[tuple[str, Head]]:
    """What is known of those of these hosts that Git asks for and that were ever asked."""
    if hosts is heads:
        return [(host, head) for host, head in heads.items() if host in layouts]
    return [(host, heads[host]) for host in hosts if host in heads and host in layouts]


def _oldest(before: Standing, then: list[tuple[str, Head]], now: list[tuple[str, Head]]) -> datetime | None:
    """When the oldest answer was given; None where only a look at all hosts can tell, since the oldest one is another
    now."""
    if before.oldest is None or before.oldest in _given(then):
        return None if then or before.heads else min(_given(now), default=None)
    return min([before.oldest, *_given(now)])


def _given(told: list[tuple[str, Head]]) -> set[datetime]:
    """When answers were given."""
    # By position, since this may look at every host: (host, observed_at, fingerprint, unreachable, …).
    found = {head[1] for _, head in told if not head[3]}
    return {at for at in found if at}


def differing(before: Mapping[str, T], now: Mapping[str, T], *, alike: bool = False) -> Collection[str]:
    """Names of which one has another object than the other, or none. Fast where both have the same names in the same
    order, as copies with some values replaced do; `alike`: that is known."""
    if before is now:
        return ()
    if not before:
        return now
    if alike or (len(before) == len(now) and all(map(is_, before, now))):
        return [*compress(now, map(is_not, before.values(), now.values()))]
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}


def _were_in_order(
    another: Collection[str], said: frozenset[str], desired: Desired, before: Standing
) -> dict[str, Profile]:
    """Hosts that were in order and said nothing new, with what was asked of them till now. They are open because Git
    asks for something else, which can be told without a look at their heads."""
    not_calm = before.open | said
    moves = zip(another, map(before.layouts.get, another), map(desired.layouts.get, another), strict=True)
    calm = [(host, old, new) for host, old, new in moves if old is not None and host not in not_calm]
    # Told once for all that get another shared part; else it may be in what is each host's own.
    pairs = {(old, new) for _, old, new in calm}
    others = {(old, new) for old, new in pairs if new is not None and new.digest != old.digest}
    if len(others) == len(pairs):
        return {host: old for host, old, _ in calm}
    return {
        host: old
        for host, old, new in calm
        if (old, new) in others or (new is not None and desired.asked[host] != before.asked[host])
    }


def _still_waiting(
    hosts: Collection[str], desired: Desired, heads: Mapping[str, Head], before: Standing
) -> dict[str, Profile]:
    """Hosts that were open only because Git asked for something else, said nothing new, and are asked for yet another
    shared part, with what they were in order by: no digest has to be made to tell that."""
    waiting = [host for host in hosts if host in before.bases and heads.get(host) is before.heads[host]]
    pairs = [*zip(map(before.bases.__getitem__, waiting), map(desired.layouts.get, waiting), strict=True)]
    others = {(base, new) for base, new in set(pairs) if new is not None and new.digest != base.digest}
    return {host: pair[0] for host, pair in zip(waiting, pairs, strict=True) if pair in others}


def _opened(hosts: Collection[str], desired: Desired, heads: Mapping[str, Head]) -> set[str]:
    """Those that are not in order for what Git asks and they answered, and those with things of ours that left Git."""
    found: set[str] = set()
    calm: list[str] = []
    marks: list[str] = []
    layouts = desired.layouts
    for host in hosts:
        head = heads.get(host)
        if host not in layouts:
            if head is not None and head.owned:
                found.add(host)
        elif head is None or head.answered != head.fingerprint or head.unreachable:
            found.add(host)
        else:
            calm.append(host)
            marks.append(head.asked)
    found.update(compress(calm, map(ne, marks, map(desired.asked.__getitem__, calm))))
    return found


def _bases(opened: Collection[str], heads: Mapping[str, Head], before: Standing) -> dict[str, Profile]:
    """What was asked of hosts for which their mark still tells how they are."""
    found: dict[str, Profile] = {}
    for host in opened:
        head = heads.get(host)
        if head is None or not head.alike or head.answered != head.fingerprint or head.unreachable:
            continue
        if host in before.bases and before.heads[host].asked == head.asked:
            found[host] = before.bases[host]
        elif host in before.layouts and head.asked == before.asked[host]:
            found[host] = before.layouts[host]
    return found


def _sum(told: list[tuple[str, Head]]) -> int:
    """The part that these hosts have in the total."""
    said = [f"{host}\0{head.fingerprint}".encode() for host, head in told]
    return sum([int.from_bytes(blake2b(each, digest_size=_SIZE).digest(), "big") for each in said])
