"""Explains one resource of one host: who asks for it, with which values, what is seen, what is due, what it waits for.

Puts together what other modules found; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.ask import remembered_spec
from reconciler.core.due import Assessment, Due
from reconciler.core.link import Linked
from reconciler.core.values import Origin, origins
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Resource
from reconciler.model.document import ServiceDocument
from reconciler.model.errors import Stalled
from reconciler.model.key import Key, Place
from reconciler.model.observation import Observation, Owned, Ownership
from reconciler.model.plan import Blocked, Plan
from reconciler.model.state import Observed, Unknown


@dataclass(frozen=True, slots=True)
class Why:
    """Everything about one resource on one host; what does not apply is None or empty. `released`: why it is let go."""

    host: str
    key: Key
    resource: Resource | None
    service: ServiceDocument | None
    host_place: Place | None
    values: tuple[Origin, ...]
    observed: Observed
    observed_at: datetime | None
    since: datetime | None
    due: tuple[Due, ...]
    owned: Owned | None
    waits: tuple[str, ...]
    released: str
    blocked: tuple[Blocked, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known, from one plan."""

    desired: Desired
    linked: Linked
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    plan: Plan
    registry: Registry


def why(known: Known, host: str, key: Key) -> Why:
    """The explanation. Raises Stalled when nobody ever heard of the host, or of the resource on it."""
    place = _host_place(known, host)
    profile = known.desired.profiles.get(host)
    resource = next((r for r in profile.resources if r.key == key), None) if profile else None
    owned = known.ownership[host].owned.get(key) if host in known.ownership else None
    if resource is None and owned is None:
        raise _unheard(known, host, key)
    service = known.linked.services[resource.service].document if resource else None
    due = tuple(d for d in _dues(known, host) if d.change.key == key)
    seen = known.observations.get(host)
    return Why(
        host=host,
        key=key,
        resource=resource,
        service=service,
        host_place=place,
        values=_values(known, service, host),
        observed=_observed(known, key, _spec(known, resource, owned), seen),
        observed_at=seen.observed_at if seen else None,
        since=seen.since.get(key) if seen else None,
        due=due,
        owned=owned,
        waits=_waits(known, host, due),
        released=_released(known, host, key),
        blocked=_blocked(known, host, key, resource, owned),
    )


def _host_place(known: Known, host: str) -> Place | None:
    if host in known.desired.hosts:
        return known.desired.hosts[host].place
    if host in known.ownership:
        return None
    from difflib import get_close_matches

    near = get_close_matches(host, [*known.desired.hosts], n=1)
    raise Stalled(
        f"there is no host {host!r}",
        f'did you mean "{near[0]}"?' if near else "hosts are Host documents, or come from an inventory",
    )


def _unheard(known: Known, host: str, key: Key) -> Stalled:
    from difflib import get_close_matches

    profile = known.desired.profiles.get(host)
    keys = [str(r.key) for r in profile.resources] if profile else []
    near = get_close_matches(str(key), keys, n=1)
    hint = f'did you mean "{near[0]}"?' if near else "resources are named kind/name, such as package/nginx"
    held = [h.reason for h in known.desired.held if host in h.hosts]
    return Stalled(
        f"nobody asks for {key} on host {host}" + (f" (held there: {'; '.join(held)})" if held else ""), hint
    )


def _values(known: Known, service: ServiceDocument | None, host: str) -> tuple[Origin, ...]:
    if service is None or host not in known.desired.hosts:
        return ()
    return tuple(origins(service, known.linked.projects.get(service.project), known.desired.hosts[host]))


def _spec(known: Known, resource: Resource | None, owned: Owned | None) -> Any | None:
    """What Git asks for, or asked for last."""
    if resource is not None:
        return resource.spec
    return remembered_spec(owned, known.registry) if owned else None


def _observed(known: Known, key: Key, spec: Any | None, seen: Observation | None) -> Observed:
    if spec is None or seen is None or key not in seen.facts:
        return Unknown("not observed yet")
    kind: Any = known.registry[key.kind]
    observed: Observed = kind.observe(key.name, spec, seen.facts[key].facts)
    return observed


def _released(known: Known, host: str, key: Key) -> str:
    return next((r.reason for r in known.assessment.releases if r.key == key and host in r.hosts), "")


def _dues(known: Known, host: str) -> tuple[Due, ...]:
    return next((verdict.dues for verdict, hosts in known.assessment.verdicts if host in hosts), ())


def _waits(known: Known, host: str, due: tuple[Due, ...]) -> tuple[str, ...]:
    """What comes before the change: on this host, and other services."""
    found: list[str] = []
    needs = _needs(known.plan)
    for step in known.plan.steps:
        for program, hosts in step.programs.items():
            if host not in hosts or step.service not in {d.service for d in due}:
                continue
            for change in known.plan.programs[program].changes:
                if any(change.key == d.change.key and change.action == d.change.action for d in due):
                    found += [f"{key} on this host" for key in change.requires]
            found += [f"service {need}" for need in needs[step.service]]
            if step.batch is not None and step.batch.number > 1:
                found.append(f"batch {step.batch.number - 1} of {step.batch.of} of {step.service}")
    return tuple(dict.fromkeys(found))


def _needs(plan: Plan) -> Mapping[str, Sequence[str]]:
    """The services that come before each one, whichever of its batches says so."""
    service = {step.id: step.service for step in plan.steps}
    found: dict[str, list[str]] = {name: [] for name in service.values()}
    for step in plan.steps:
        found[step.service] += [service[id_] for id_ in step.needs if service[id_] != step.service]
    return found


def _blocked(known: Known, host: str, key: Key, resource: Resource | None, owned: Owned | None) -> tuple[Blocked, ...]:
    service = resource.service if resource else owned.service if owned else ""
    return tuple(
        b
        for b in known.assessment.blocked
        if host in b.hosts and (b.key == key or (b.key is None and b.service in ("", service)))
    )
