"""What it takes to bring hosts back to where they were before a rollout that failed.

Pure: records and desired states in, values out. Must not know how anything is applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.model.desired import Desired
from reconciler.model.observation import Ownership
from reconciler.model.plan import Step
from reconciler.model.rollout import Rollout, Share, Terms
from reconciler.model.run import Run, RunStatus

STAYS: Final = "not rolled back"
"""What is told of hosts that had to go back and did not."""


def instead(runs: Iterable[Run]) -> dict[str, str]:
    """Revisions that are no way back, since the last run at them was halted and nobody has found them good later; each
    with the revision of the run before that succeeded, where there is one. Newest runs first."""
    last: dict[str, RunStatus] = {}
    found: dict[str, str] = {}
    for run in runs:
        if run.status == "succeeded" and last.get(run.revision) != "halted":
            # Those that were halted since, and have no other yet.
            found |= {revision: run.revision for revision, status in last.items() if status == "halted"} | found
        last.setdefault(run.revision, run.status)
    return found


def with_way_back(
    rollouts: Mapping[str, Terms],
    steps: Iterable[Step],
    ownership: Mapping[str, Ownership],
    others: Mapping[str, str],
) -> dict[str, Terms]:
    """The terms, where a failure is rolled back with the revisions to which the hosts of each service go back. `others`
    are to be taken instead of some (see `instead`)."""
    hosts: dict[str, list[str]] = {}
    for step in steps:
        if step.service in rollouts and rollouts[step.service].on_failure == "rollback":
            hosts.setdefault(step.service, []).extend(step.hosts)
    ways = {service: _last_good(service, sorted(members), ownership, others) for service, members in hosts.items()}
    return {name: replace(terms, good=ways[name]) if name in ways else terms for name, terms in rollouts.items()}


def _last_good(
    service: str, hosts: Iterable[str], ownership: Mapping[str, Ownership], others: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """By the revision of the newest record of a service: the hosts. Where it was never in order, a host has none."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        records = ownership[host].owned.values() if host in ownership else ()
        # What only bears what is owed was never in order.
        ours = [(owned.run, owned.revision) for owned in records if owned.service == service and owned.desired]
        if ours:
            newest = max(ours)[1]
            found.setdefault(others.get(newest, newest), []).append(host)
    return {revision: tuple(members) for revision, members in sorted(found.items())}


def all_at_once(desired: Desired, service: str) -> Desired:
    """The desired state with a service that changes without batches and is never rolled back itself: the way back."""
    if service not in desired.services:
        return desired
    known = desired.services[service]
    rollout: Rollout = replace(known.rollout, canary=Share(0), batches=(), on_failure="stop", bake=0)
    return replace(desired, services={**desired.services, service: replace(known, rollout=rollout)})
