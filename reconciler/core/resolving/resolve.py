"""Resolves documents to the desired state: which resources each host should have, values filled in.

The cost follows what is different: an entry is rendered once for each distinct set of the values that it uses,
equal slices and profiles are one object, and checks run once for each distinct profile.
Knows documents, kinds and templates; knows nothing of observations or plans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.graph import reached
from reconciler.core.linking.link import Linked, LinkedService
from reconciler.core.quote import listing
from reconciler.core.resolving.column import Files, Ground, Part, Read, marked, part_of
from reconciler.core.resolving.profile import Owns, Profiles, asked
from reconciler.core.resolving.references import check_rooted
from reconciler.core.resolving.rows import Rows
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Held, Project, Service
from reconciler.model.key import Key
from reconciler.model.problem import Problem, errors

HeldBy = dict[tuple[str, Problem], dict[str, None]]
"""(service, why) to the hosts on which the service can't be used."""

_OF_VALUES = frozenset({"template-error", "bad-value", "needs-machine", "conflict", "dangling-reference"})
"""Reasons that may hold for some hosts of a service and not for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """The desired state, with what the next one is made from where it is the same: `without` are services that can't
    be used on a host where they otherwise would be."""

    desired: Desired
    ground: Ground
    parts: Mapping[str, Part]
    rows: Rows
    without: Mapping[str, set[str]]


def resolve(revision: str, linked: Linked, read: Read, registry: Registry) -> Desired:
    """The desired state. `read` gives the bytes of a file of the repository by its path, None if there is none."""
    return resolve_again(revision, linked, Files(read), registry, None).desired


def resolve_again(
    revision: str,
    linked: Linked,
    files: Files,
    registry: Registry,
    before: Resolved | None,
) -> Resolved:
    """As `resolve`. Of the services that are what they were `before`, on the very same hosts, nothing is made anew."""
    if before is not None and not (before.ground.linked.hosts is linked.hosts and before.ground.registry is registry):
        before = None
    hosts = before.ground.hosts if before else marked(linked.hosts)
    ground = Ground(linked, registry, files, hosts, _claims(linked))
    old = before.parts if before else {}
    parts = {
        name: old[name] if name in old and old[name].still(service, ground) else part_of(service, ground, old.get(name))
        for name, service in sorted(linked.services.items())
    }
    rows = Rows.after(before.rows) if before else Rows.empty(linked.hosts)
    for name in sorted(parts.keys() | old.keys()):
        if parts.get(name) is not old.get(name):
            then = old[name].slices if name in old else {}
            now = parts[name].slices if name in parts else {}
            rows.put(name, now, then.keys() | now.keys() if then else now.keys())
    owns = {sample: own for part in parts.values() for sample, own in part.own.items()}
    held = _held_by(parts, rows, owns, ground)
    without = _without(held, linked)
    final = _final(rows, without)
    touched = {**rows.touched, **dict.fromkeys(without), **dict.fromkeys(before.without if before else ())}
    made = sum(part.renders for name, part in parts.items() if part is not old.get(name))
    desired = Desired(
        revision=revision,
        hosts=linked.hosts,
        services={name: _service(service, linked) for name, service in linked.services.items()},
        projects={n: Project(n, p.place, p.owners, p.deletes) for n, p in linked.projects.items()},
        held=(*linked.held, *_held(held)),
        broken=linked.broken | {p.place.path for p in errors([problem for _, problem in held])},
        problems=tuple(sorted({*linked.problems, *_told(held, linked)})),
        renders=made,
        windows=linked.restraints.windows,
        freezes=linked.restraints.freezes,
        policies=linked.policies.all,
        secrets={t: secret for part in parts.values() for t, secret in part.sealer.secrets.items()},
        **_profiles(before.desired if before else None, final, owns, touched),
    )
    # What a later change is worked out from must not hold on to the documents that it replaces.
    return Resolved(desired, ground, parts, rows, without)


def _claims(linked: Linked) -> Counter[Key]:
    return Counter(
        Key(entry.kind, entry.name) for service in linked.services.values() for entry in service.document.entries
    )


def _profiles(before: Desired | None, rows: Rows, owns: Owns, touched: Collection[str]) -> dict[str, Any]:
    """Each host's profile, and the digest of it: anew for hosts whose row is another one."""
    old = before or Desired("", {}, {}, {})
    if before and not touched:
        return {name: getattr(old, name) for name in ("layouts", "profiles", "asked", "managed")}
    touched = rows.by_host.keys() if len(touched) == len(rows.by_host) else touched
    made = {row: row.profile(owns) for row in rows.many}
    fresh = dict(zip(touched, map(made.__getitem__, map(rows.by_host.__getitem__, touched)), strict=True))
    layouts = {**old.layouts, **fresh}
    return {
        "layouts": layouts,
        "profiles": Profiles(layouts, owns, old.profiles if isinstance(old.profiles, Profiles) else None),
        "asked": {**old.asked, **asked(fresh, owns)},
        "managed": sum(len(made[row].resources) * many for row, many in rows.many.items()),
    }


def _held_by(parts: Mapping[str, Part], rows: Rows, owns: Owns, ground: Ground) -> HeldBy:
    """Services that can't be used on some hosts: by their own values, or by what else those hosts should have."""
    held: HeldBy = {
        (name, problem): dict(hosts) for name, part in parts.items() for problem, hosts in part.unusable.items()
    }
    requires = {name: service.document.requires for name, service in ground.linked.services.items()}
    found = {row: findings for row in rows.many if (findings := row.findings(owns, requires, ground.registry))}
    for host, row in rows.by_host.items() if found else ():
        for finding in found.get(row, ()):
            held.setdefault(finding, {})[host] = None
    for host in ground.hosts.rooted:
        for finding in check_rooted(rows.by_host[host].profile(owns), ground.registry):
            held.setdefault(finding, {})[host] = None
    return held


def _final(rows: Rows, without: Mapping[str, set[str]]) -> Rows:
    """The rows without the services that can't be used there."""
    if not without:
        return rows
    final = Rows.after(rows)
    for host, services in without.items():
        for service in services:
            final.put(service, {}, [host])
    return final


def _without(held: HeldBy, linked: Linked) -> dict[str, set[str]]:
    """Services to leave out by host: those held there, and those that require them on the same host."""
    without: dict[str, set[str]] = {}
    for (service, _), hosts in held.items():
        for host in hosts:
            without.setdefault(host, set()).add(service)
    if not held:
        return without
    edges = {name: service.document.requires for name, service in linked.services.items()}
    selected = {name: frozenset(service.hosts) for name, service in linked.services.items()}
    for (service, problem), hosts in list(held.items()):
        for dependant in reached(edges, [service]):
            if on_both := [host for host in hosts if host in selected[dependant]]:
                for host in on_both:
                    without[host].add(dependant)
                held.setdefault((dependant, problem), {}).update(dict.fromkeys(on_both))
    return without


def _held(held: HeldBy) -> list[Held]:
    return [
        Held(service, tuple(sorted(hosts)), problem.message, problem.place)
        for (service, problem), hosts in sorted(held.items())
    ]


def _told(held: HeldBy, linked: Linked) -> Iterator[Problem]:
    """The problems, each once; those of some values only say on which hosts of their service they are."""
    for problem in dict.fromkeys(problem for _, problem in held):
        service = linked.services.get(problem.document.removeprefix("Service/"))
        hosts = sorted(held.get((service.document.name, problem), ())) if service else []
        if service is None or problem.reason not in _OF_VALUES or len(hosts) in (0, len(service.hosts)):
            yield problem
        else:
            yield replace(problem, message=f"{problem.message} (on {listing(hosts)})")


def _service(service: LinkedService, linked: Linked) -> Service:
    """What the service does not say of itself, its project says."""
    doc = service.document
    project = linked.projects.get(doc.project)
    return Service(
        name=doc.name,
        place=doc.place,
        project=doc.project,
        owner=doc.owner,
        requires=doc.requires,
        hosts=service.hosts,
        sync=doc.sync or (project.sync if project else "manual"),
        heal=doc.heal or (project.heal if project else "report"),
        rollout=doc.rollout,
    )
