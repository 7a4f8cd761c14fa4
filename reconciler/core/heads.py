"""Which hosts need a closer look: those for which Git's request, or their answer, is not what it was when all was well.

Knows digests only.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.due import Assessment
from reconciler.model.desired import Desired
from reconciler.model.observation import Head, Observation


def settled(desired: Desired, heads: Mapping[str, Head]) -> frozenset[str]:
    """Hosts on which everything is in order and on record, by digest: nothing is due on them."""
    found: list[str] = []
    for host, asked in desired.asked.items():
        head = heads.get(host)
        if head is not None and head.asked == asked and head.answered == head.fingerprint and not head.unreachable:
            found.append(host)
    return frozenset(found)


def unsettled(desired: Desired, heads: Mapping[str, Head], known: frozenset[str]) -> set[str]:
    """Hosts that have to be read: those that aren't settled, and those that left Git with things of ours on them."""
    departed = {host for host, head in heads.items() if head.owned and host not in desired.hosts}
    return {host for host in desired.hosts if host not in known} | departed


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
