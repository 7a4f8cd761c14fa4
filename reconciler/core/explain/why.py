"""Explains one resource of one host: who asks for it, with which values, what is seen, what is due, what it waits for.

Puts together what other modules found; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.core.assessing.compare import sensitive_fields
from reconciler.core.assessing.due import Assessment, Due
from reconciler.core.linking.link import Linked
from reconciler.core.observing.ask import remembered_spec
from reconciler.core.quote import did_you_mean
from reconciler.core.recording.past import Past, on_hosts
from reconciler.core.recording.past import past as past_of
from reconciler.core.resolving.values import Origin, origins
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Resource
from reconciler.model.document import ServiceDocument
from reconciler.model.episode import Episode
from reconciler.model.errors import Stalled
from reconciler.model.key import Key, Place
from reconciler.model.observation import Observation, Owned, Ownership
from reconciler.model.order import Order
from reconciler.model.plan import Blocked, Plan
from reconciler.model.state import Observed, Present, Unknown


@dataclass(frozen=True, slots=True)
class Ignored:
    """A field that others own: what Git asks for and what the host has, None where that is nothing or `sensitive`."""

    path: str
    desired: Any
    observed: Any
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Why:
    """Everything about one resource on one host; what does not apply is None or empty. `released`: why it is let go;
    `sensitive`: the fields whose values nobody may see."""

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
    ignored: tuple[Ignored, ...]
    sensitive: frozenset[str]
    pin: Order | None = None
    past: Past = field(default_factory=Past)


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known, from one plan; and the history of drift of the resource."""

    desired: Desired
    linked: Linked
    observations: Mapping[str, Observation]
    ownership: Mapping[str, Ownership]
    assessment: Assessment
    plan: Plan
    registry: Registry
    episodes: Sequence[Episode] = ()


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
    observed = _observed(known, key, _spec(known, resource, owned), seen)
    sensitive = _sensitive(known, key, resource, observed)
    past = past_of(on_hosts(known.episodes, {host}))
    return Why(
        host=host,
        key=key,
        resource=resource,
        service=service,
        host_place=place,
        values=_values(known, service, resource, host),
        observed=observed,
        observed_at=seen.observed_at if seen else None,
        since=past.since or (seen.since.get(key) if seen else None),
        due=due,
        owned=owned,
        waits=_waits(known, host, due),
        released=_released(known, host, key),
        blocked=_blocked(known, host, key, resource, owned),
        ignored=tuple(_ignored(known, resource, observed, sensitive)) if resource else (),
        sensitive=sensitive,
        pin=known.desired.pins.get(resource.service) if resource else None,
        past=past,
    )


def _host_place(known: Known, host: str) -> Place | None:
    if host in known.desired.hosts:
        return known.desired.hosts[host].place
    if host in known.ownership:
        return None
    near = did_you_mean(host, known.desired.hosts)
    raise Stalled(f"there is no host {host!r}", near or "hosts are Host documents, or come from an inventory")


def _unheard(known: Known, host: str, key: Key) -> Stalled:
    profile = known.desired.profiles.get(host)
    if key.kind not in known.registry:
        hint = did_you_mean(key.kind, known.registry) or f"kinds are {', '.join(sorted(known.registry))}"
        return Stalled(f"there is no kind of resource {key.kind!r}", hint)
    near = did_you_mean(str(key), [str(r.key) for r in profile.resources] if profile else [])
    hint = near or "resources are named kind/name, such as package/nginx"
    held = [h.reason for h in known.desired.held if host in h.hosts]
    return Stalled(
        f"nobody asks for {key} on host {host}" + (f" (held there: {'; '.join(held)})" if held else ""), hint
    )


def _values(known: Known, service: ServiceDocument | None, resource: Resource | None, host: str) -> tuple[Origin, ...]:
    """The vars that its templates read. Where it has something secret, any of them may be just that."""
    if service is None or resource is None or host not in known.desired.hosts:
        return ()
    found = origins(service, known.linked.projects.get(service.project), known.desired.hosts[host])
    if ("vars",) not in resource.uses:
        read = {use[1] for use in resource.uses if use[0] == "vars"}
        found = [origin for origin in found if origin.name in read]
    secret = known.registry[resource.key.kind].secret & resource.spec.model_fields_set
    return tuple(origin.hidden() if resource.sensitive or secret else origin for origin in found)


def _sensitive(known: Known, key: Key, resource: Resource | None, observed: Observed) -> frozenset[str]:
    kind: Any = known.registry[key.kind]
    if resource is None or not resource.sensitive:
        return frozenset(kind.secret)
    there = observed.state if isinstance(observed, Present) else ()
    return sensitive_fields(resource, kind, kind.wanted(key.name, resource.spec)) | frozenset(there)


def _ignored(known: Known, resource: Resource, observed: Observed, sensitive: frozenset[str]) -> Iterator[Ignored]:
    wanted: Any = known.registry[resource.key.kind].wanted(resource.key.name, resource.spec)
    for name in resource.ignore:
        desired, found = (s.state.get(name) if isinstance(s, Present) else None for s in (wanted, observed))
        hidden = name in sensitive
        yield Ignored(name, None if hidden else desired, None if hidden else found, hidden)


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
