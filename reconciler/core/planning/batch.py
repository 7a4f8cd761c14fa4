"""Cuts the hosts of a service into the batches of its rollout: the canary, then shares of all, one domain at a time.

Pure: hosts and labels in, batches out. Must not know what hosts get.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from reconciler.model.desired import Host
from reconciler.model.rollout import Batch, Rollout, Share, Terms

CAREFUL = Rollout(canary=Share(1), batches=tuple(Share(p, percent=True) for p in (1, 5, 25, 100)))
"""What a service that says nothing gets in a plan that touches much."""


@dataclass(frozen=True, slots=True)
class Caution:
    """From when on a plan is careful by itself, and what many failures are.

    `rollout_hosts` and `breaker_hosts` are the floors of their shares: hosts that a plan may touch all at once, and
    failures that are too many however few hosts there are.
    """

    rollout_share: float = 0.05
    rollout_hosts: int = 10
    breaker_share: float = 0.02
    breaker_hosts: int = 3

    def broad(self, touched: int, fleet: int) -> bool:
        """Whether so many hosts of a fleet are too many to change them all at once."""
        return touched > max(self.rollout_hosts, fleet * self.rollout_share)

    def bearable(self, hosts: int) -> int:
        """The most of so many hosts that may fail before everything stops."""
        return max(self.breaker_hosts - 1, int(hosts * self.breaker_share))


def staged(rollout: Rollout, hosts: int, broad: bool, caution: Caution) -> Rollout:
    """The rollout that counts for a service on so many hosts: as written, or careful where nothing is said."""
    if rollout.canary or rollout.batches or not broad or hosts <= caution.rollout_hosts:
        return rollout
    return replace(rollout, canary=CAREFUL.canary, batches=CAREFUL.batches)


def terms(rollout: Rollout, hosts: int, caution: Caution) -> Terms | None:
    """What governs a service's steps on so many hosts; None where nothing but the breaker does."""
    if rollout == Rollout():
        return None
    failures, width = rollout.max_failures, rollout.max_unavailable
    stages = (
        *([f"canary {rollout.canary}"] if rollout.canary and rollout.canary.amount else ()),
        *map(str, rollout.batches),
    )
    return Terms(
        budget=caution.bearable(hosts) if failures is None else failures.rounded_down(hosts),
        # Nobody wants a rollout that never begins.
        at_once=0 if width is None else max(1, width.rounded_down(hosts)),
        bake=rollout.bake,
        on_failure=rollout.on_failure,
        health=rollout.health,
        stages=stages,
        domain=rollout.failure_domain,
    )


def batches(members: Collection[str], hosts: Mapping[str, Host], rollout: Rollout) -> list[tuple[Batch, list[str]]]:
    """The hosts of each batch, sorted, in order. Hosts of one domain stand together, those without the label last.

    A batch ends where its share of all hosts is reached, and where a domain ends: two domains are never in one.
    """
    domains = _domains(sorted(members), hosts, rollout.failure_domain)
    names = [name for domain in sorted(domains) for name in domains[domain]]
    many = len(names)
    shares = {share.rounded_up(many) for share in (rollout.canary, *rollout.batches) if share is not None}
    edges = [*accumulate(len(domains[domain]) for domain in sorted(domains))]
    cuts = sorted({*edges, *(end for end in shares if 0 < end < many)})
    canary = rollout.canary.rounded_up(many) if rollout.canary else 0
    found = []
    for number, (start, end) in enumerate(zip([0, *cuts], cuts, strict=False), start=1):
        without, domain = sorted(domains)[bisect_right(edges, start)]
        batch = Batch(number, len(cuts), None if without else domain, canary=end <= canary)
        found.append((batch, names[start:end]))
    return found


def _domains(names: list[str], hosts: Mapping[str, Host], label: str) -> dict[tuple[bool, str], list[str]]:
    """The hosts by whether they are without the label, and by its value: sorts in this order."""
    if not label:
        return {(True, ""): names}
    domains: dict[tuple[bool, str], list[str]] = {}
    for name in names:
        host = hosts.get(name)
        value = host.labels.get(label) if host is not None else None
        domains.setdefault((value is None, value or ""), []).append(name)
    return domains
