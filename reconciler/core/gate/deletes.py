"""Limits on what a plan deletes: of everything, of a project, on a service's hosts, on the fleet's.

A person may allow a number of deletes; that is their word for all of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.gate.circumstances import Circumstances
from reconciler.core.gate.limits import Limits, allowed_deletes
from reconciler.core.gate.refusal import Refusal, most
from reconciler.model.desired import Desired
from reconciler.model.plan import Plan


def deletes(plan: Plan, _desired: Desired, limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses more deletes than the larger of a number and a share of the managed resources."""
    limit, actual = allowed_deletes(plan.managed, limits), plan.summary.delete
    if actual > max(limit, circumstances.allowance.deletes):
        share = f"{limits.deletes_share:.1%} of {plan.managed:,} managed"
        rule = f"the larger of {limits.deletes} and {share}, limits.deletes"
        message = f"this plan deletes {actual:,} resources; the limit is {limit:,} ({rule})"
        yield Refusal("deletes", limit, actual, message, _allow(plan), _examples(plan))


def project_deletes(plan: Plan, desired: Desired, _: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses more deletes of a project's services than the project itself says."""
    counts: dict[str, int] = {}
    for (service, _kind, _name), count in _deleted(plan).items():
        project = desired.services[service].project if service in desired.services else ""
        counts[project] = counts.get(project, 0) + count
    for name, actual in sorted(counts.items()):
        limit = desired.projects[name].deletes if name in desired.projects else None
        if limit is not None and actual > max(limit, circumstances.allowance.deletes):
            message = f"this plan deletes {actual} resources of project {name}; its limit is {limit} (limits.deletes)"
            yield Refusal("project-deletes", limit, actual, message, _allow(plan))


def service_deletes(plan: Plan, desired: Desired, limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses deletes on too large a share of one service's hosts: those that it has, and those that it loses."""
    if _allowed(plan, circumstances):
        return
    for service, hosts in sorted(_hosts(plan).items()):
        known = desired.services.get(service)
        everyone = len(hosts.union(known.hosts if known else ()))
        actual = len(hosts) / everyone
        if len(hosts) > limits.delete_hosts and actual > limits.delete_service_share:
            message = (
                f"this plan deletes things of {service} on {len(hosts):,} of its {everyone:,} hosts ({actual:.0%}); "
                f"the limit is the larger of {limits.delete_hosts} and {limits.delete_service_share:.0%} of them "
                "(limits.delete_service_share)"
            )
            yield Refusal("service-deletes", limits.delete_service_share, actual, message, _allow(plan))


def fleet_deletes(plan: Plan, _desired: Desired, limits: Limits, circumstances: Circumstances) -> Iterator[Refusal]:
    """Refuses deletes on too large a share of all hosts."""
    if _allowed(plan, circumstances) or not plan.fleet:
        return
    hosts = len(set[str]().union(*_hosts(plan).values()))
    if hosts > max(limits.delete_hosts, plan.fleet * limits.delete_fleet_share):
        actual = hosts / plan.fleet
        message = (
            f"this plan deletes things on {hosts:,} of {plan.fleet:,} hosts ({actual:.0%}); the limit is the larger of "
            f"{limits.delete_hosts} and {limits.delete_fleet_share:.0%} of them (limits.delete_fleet_share)"
        )
        yield Refusal("fleet-deletes", limits.delete_fleet_share, actual, message, _allow(plan), _examples(plan))


def _allow(plan: Plan) -> str:
    return f"or allow it once: --allow-deletes {plan.summary.delete}"


def _allowed(plan: Plan, circumstances: Circumstances) -> bool:
    return plan.summary.delete <= circumstances.allowance.deletes


def _deleted(plan: Plan) -> Mapping[tuple[str, str, str], int]:
    """Deletes by (service, kind, name)."""
    counts: dict[tuple[str, str, str], int] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            for change in plan.programs[program].changes:
                if change.action == "delete":
                    key = (step.service, *change.key)
                    counts[key] = counts.get(key, 0) + len(hosts)
    return counts


def _hosts(plan: Plan) -> dict[str, set[str]]:
    """The hosts of each service on which something is deleted."""
    found: dict[str, set[str]] = {}
    for step in plan.steps:
        for program, hosts in step.programs.items():
            if any(change.action == "delete" for change in plan.programs[program].changes):
                found.setdefault(step.service, set()).update(hosts)
    return found


def _examples(plan: Plan) -> tuple[str, ...]:
    return most({(service, f"{kind}/{name}"): n for (service, kind, name), n in _deleted(plan).items()})
