"""What it takes to bring hosts back to where they were before a rollout that failed.

Pure: records and desired states in, values out. Must not know how anything is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.desired import Desired
from reconciler.model.observation import Ownership
from reconciler.model.rollout import Rollout, Share

Good = Mapping[tuple[str, str], str]
"""The revision at which (service, host) was last in order."""


def last_good(ownership: Mapping[str, Ownership], services: frozenset[str]) -> dict[tuple[str, str], str]:
    """The revision of the newest record of each of these services on each host. Where a service was never in order
    there is none."""
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for host, ours in ownership.items():
        for owned in ours.owned.values():
            # What only bears what is owed was never in order.
            if owned.service in services and owned.desired:
                key = (owned.service, host)
                newest[key] = max(newest.get(key, (-1, "")), (owned.run, owned.revision))
    return {key: revision for key, (_, revision) in newest.items()}


def all_at_once(desired: Desired, service: str) -> Desired:
    """The desired state with a service that changes without batches and is never rolled back itself: the way back."""
    if service not in desired.services:
        return desired
    known = desired.services[service]
    rollout: Rollout = replace(known.rollout, canary=Share(0), batches=(), on_failure="stop", bake=0)
    return replace(desired, services={**desired.services, service: replace(known, rollout=rollout)})
