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
from reconciler.core.resolving.cohorts import Cohorts, Marked, cohorts, together
from reconciler.core.resolving.column import Draft, Files, Ground, Part, Read, draft_of
from reconciler.core.resolving.profile import Asked, Owns, Profiles
from reconciler.core.resolving.references import check_rooted
from reconciler.core.resolving.rows import Given, Requires, Rows
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
    """The desired state, with what the next one is made from where it is the same: `apart` are hosts that don't get all
    that their cohort gets."""

    desired: Desired
    ground: Ground
    cohorts: Cohorts
    parts: Mapping[str, Part]
    rows: Rows
    apart: Collection[str]

    def by(self, finer: Cohorts) -> Resolved:
        """The same by finer cohorts."""
        if finer is self.cohorts:
            return self
        parents = self.cohorts.parents(finer)
        parts = {name: part.moved(parents) for name, part in self.parts.items()}
        return replace(self, cohorts=finer, parts=parts, rows=self.rows.moved(parents))


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
    hosts = before.ground.hosts if before else Marked(tuple(linked.hosts.values()))
    ground = Ground(linked, registry, files, hosts, _claims(linked), _requires(linked, before))
    still, drafts = _drafts(before.parts if before else {}, ground)
    now = [*still.values(), *(draft.part for draft in drafts.values())]
    told = (before.cohorts if before else cohorts(hosts)).told_by(together(part.traits for part in now))
    before = before.by(told) if before else None
    old = before.parts if before else {}
    parts = {name: drafts[name].filled(told) if name in drafts else old[name] for name in sorted(linked.services)}
    rows = _rows(before, parts, told)
    owns = {sample: own for part in parts.values() for sample, own in part.own.items()}
    usable = Given.without(_by_host(_unusable(parts)), told, rows)
    held = _held_by(parts, usable, owns, ground)
    given = Given.without(_without(held, linked), told, rows)
    made = sum(parts[name].renders for name in drafts)
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
        **_profiles(before, given, owns),
    )
    # What a later change is worked out from must not hold on to the documents that it replaces.
    return Resolved(desired, ground, told, parts, rows, frozenset(given.apart))


def _drafts(old: Mapping[str, Part], ground: Ground) -> tuple[dict[str, Part], dict[str, Draft]]:
    """The services that are what they were, and the others anew."""
    services = ground.linked.services
    still = {name: old[name] for name, service in services.items() if name in old and old[name].still(service, ground)}
    drafts = {n: draft_of(service, ground, old.get(n)) for n, service in sorted(services.items()) if n not in still}
    return still, drafts


def _rows(before: Resolved | None, parts: Mapping[str, Part], told: Cohorts) -> Rows:
    rows, old = (Rows.after(before.rows), before.parts) if before else (Rows.empty(len(told.first)), {})
    for name in sorted(parts.keys() | old.keys()):
        if parts.get(name) is not old.get(name):
            then = old[name].slices if name in old else {}
            now = parts[name].slices if name in parts else {}
            rows.put(name, now, {**then, **now})
    return rows


def _requires(linked: Linked, before: Resolved | None) -> Requires:
    """The very same as before, if it says the same: it is looked at for every row."""
    requires = {name: service.document.requires for name, service in linked.services.items()}
    return before.ground.requires if before and before.ground.requires == requires else requires


def _claims(linked: Linked) -> Counter[Key]:
    return Counter(
        Key(entry.kind, entry.name) for service in linked.services.values() for entry in service.document.entries
    )


def _profiles(before: Resolved | None, given: Given, owns: Owns) -> dict[str, Any]:
    """Each host's profile, and the digest of it: anew for hosts whose row is another one."""
    rows, members = given.rows, given.cohorts.members
    old = before.desired if before else None
    were_apart = before.apart if before else ()
    if old and not (rows.touched or given.apart or were_apart):
        return {name: getattr(old, name) for name in ("layouts", "profiles", "asked", "managed")}
    if old:
        layouts = dict(old.layouts)
        for cohort in rows.touched:
            layouts.update(dict.fromkeys(members[cohort], rows.by_cohort[cohort].profile(owns)))
        layouts.update((host, rows.by_cohort[given.cohorts.with_host(host)].profile(owns)) for host in were_apart)
    else:
        layouts = given.cohorts.spread([rows.by_cohort[cohort].profile(owns) for cohort in range(len(members))])
    layouts.update((host, row.profile(owns)) for host, row in given.apart.items())
    return {
        "layouts": layouts,
        "profiles": Profiles(layouts, owns, old.profiles if old and isinstance(old.profiles, Profiles) else None),
        "asked": Asked(layouts, owns),
        "managed": sum(len(row.profile(owns).resources) * len(hosts) for row, hosts in given.each()),
    }


def _held_by(parts: Mapping[str, Part], given: Given, owns: Owns, ground: Ground) -> HeldBy:
    """Services that can't be used on some hosts: by their own values, or by what else those hosts should have."""
    held = _unusable(parts)
    rows = (*given.rows.many, *given.apart.values())
    found = {row: findings for row in rows if (findings := row.findings(owns, ground.requires, ground.registry))}
    for row, hosts in given.each() if found else ():
        for finding in found.get(row, ()):
            held.setdefault(finding, {}).update(dict.fromkeys(hosts))
    for row, hosts in given.rooted():
        for finding in check_rooted(row.profile(owns), ground.registry):
            held.setdefault(finding, {}).update(dict.fromkeys(hosts))
    return held


def _unusable(parts: Mapping[str, Part]) -> HeldBy:
    return {(name, problem): dict(hosts) for name, part in parts.items() for problem, hosts in part.unusable.items()}


def _without(held: HeldBy, linked: Linked) -> dict[str, set[str]]:
    """Services to leave out by host: those held there, and those that require them on the same host."""
    without = _by_host(held)
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


def _by_host(held: HeldBy) -> dict[str, set[str]]:
    without: dict[str, set[str]] = {}
    for (service, _), hosts in held.items():
        for host in hosts:
            without.setdefault(host, set()).add(service)
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
