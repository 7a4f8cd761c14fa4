"""Which hosts need a closer look: those for which Git's request, or their answer, is not what it was when all was well.

Knows digests only. How hosts stand is worked out anew only for those of which something has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

from reconciler.core.due import Assessment
from reconciler.model.desired import Desired
from reconciler.model.observation import Head, Observation

T = TypeVar("T")
_SIZE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """How all hosts stand: what is asked of each, what is known of each, and which are `open`: to be looked at.

    Those are hosts that aren't settled, and those that left Git with things of ours on them. `total` is the sum of a
    digest for each host of what it said.
    """

    asked: Mapping[str, str]
    heads: Mapping[str, Head]
    open: frozenset[str]
    total: int

    @property
    def fingerprint(self) -> str:
        """Covers what all hosts that Git asks for said last. A sum, so that a host that changes costs one host."""
        return f"{self.total:0{2 * _SIZE}x}"


NOBODY = Standing({}, {}, frozenset(), 0)


def standing(desired: Desired, heads: Mapping[str, Head], before: Standing = NOBODY) -> Standing:
    """How hosts stand, from how they stood before. On a host that is not open everything is in order and on record,
    by digest: nothing is due there."""
    asked = desired.asked
    moved = differing(before.asked, asked) | differing(before.heads, heads)
    opened = {host for host in moved if _open(asked.get(host), heads.get(host))}
    total = before.total + _sum(moved, asked, heads) - _sum(moved, before.asked, before.heads)
    return Standing(asked, heads, (before.open - moved) | opened, total % (1 << 8 * _SIZE))


def differing(before: Mapping[str, T], now: Mapping[str, T]) -> set[str]:
    """Names of which one has another object than the other, or none. Fast where both have the same names in the same
    order, as copies with some values replaced do."""
    if before is now:
        return set()
    if len(before) == len(now) and all(map(is_, before, now)):
        return set(compress(now, map(is_not, before.values(), now.values())))
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}


def in_order(
    assessment: Assessment, desired: Desired, observations: Mapping[str, Observation]
) -> dict[str, tuple[str, str]]:
    """What to keep of hosts that were looked at and found in order: what was asked, what they answered."""
    return {
        host: (desired.asked[host], observations[host].fingerprint)
        for verdict, hosts in assessment.verdicts
        if not (verdict.dues or verdict.stuck or verdict.released or verdict.equal)
        for host in hosts
    }


def _open(asked: str | None, head: Head | None) -> bool:
    if asked is None:
        return head is not None and head.owned
    return head is None or head.asked != asked or head.answered != head.fingerprint or bool(head.unreachable)


def _sum(hosts: Collection[str], asked: Mapping[str, str], heads: Mapping[str, Head]) -> int:
    """The part that these hosts have in the total; nothing for hosts that were never asked, or that left Git."""
    said = [f"{host}\0{heads[host].fingerprint}".encode() for host in hosts if host in heads and host in asked]
    return sum([int.from_bytes(blake2b(each, digest_size=_SIZE).digest(), "big") for each in said])
