"""Resolves documents to the desired state: which resources each host should have, values filled in.

The cost follows what is different: an entry is rendered once for each distinct set of the values that it uses,
equal slices and profiles are one object, and checks run once for each distinct profile.
Knows documents, kinds and templates; knows nothing of observations or plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from reconciler.core.checks import check_templates
from reconciler.core.column import Slice, Work, slices_of
from reconciler.core.graph import reached
from reconciler.core.link import Linked, LinkedService
from reconciler.core.profile import Profiles, asked, layout_of
from reconciler.core.quote import listing
from reconciler.core.references import check_profile, check_rooted
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Held, Host, Profile, Project, Service
from reconciler.model.problem import Problem, errors

_OF_VALUES = frozenset({"template-error", "bad-value", "needs-machine", "conflict", "dangling-reference"})
"""Reasons that may hold for some hosts of a service and not for others."""


def resolve(revision: str, linked: Linked, read: Callable[[str], bytes | None], registry: Registry) -> Desired:
    """The desired state. `read` gives the bytes of a file of the repository by its path, None if there is none."""
    work = Work(linked, registry, read)
    slices = {name: slices_of(service, work) for name, service in sorted(linked.services.items())}
    for each in linked.services.values():
        check_templates(each, work)
    layouts = _layouts(linked.hosts, slices, work, {})
    requires = {name: service.document.requires for name, service in linked.services.items()}
    for layout, hosts in _by_layout(layouts).items():
        for service, problem in check_profile(layout, requires):
            work.hold(service, hosts, problem)
        if rooted := [host for host in hosts if linked.hosts[host].root]:
            for service, problem in check_rooted(layout, registry):
                work.hold(service, rooted, problem)
    without = _without(work, linked)
    if without:
        layouts = layouts | _layouts({h: linked.hosts[h] for h in without}, slices, work, without)
    problems = tuple(sorted({*linked.problems, *_told(work)}))
    return Desired(
        revision=revision,
        hosts=linked.hosts,
        services={name: _service(service) for name, service in linked.services.items()},
        projects={n: Project(n, p.place, p.owners, p.deletes) for n, p in linked.projects.items()},
        layouts=layouts,
        profiles=Profiles(layouts, work.own),
        asked=asked(layouts, work.own),
        held=(*linked.held, *_held(work)),
        broken=linked.broken | {p.place.path for p in errors(work.problems)},
        problems=problems,
        renders=work.renders,
    )


def _layouts(
    hosts: Mapping[str, Host], slices: Mapping[str, Mapping[str, Slice]], work: Work, without: Mapping[str, set[str]]
) -> dict[str, Profile]:
    """Each host's layout, equal ones shared. `without` names services to leave out, by host."""
    parts: dict[str, list[Slice]] = {name: [] for name in hosts}
    for service, rows in slices.items():
        for host, row in rows.items():
            if host in parts and service not in without.get(host, ()):
                parts[host].append(row)
    interned: dict[tuple[Slice, ...], Profile] = {}
    layouts: dict[str, Profile] = {}
    for host, rows_of_host in parts.items():
        key = tuple(rows_of_host)
        if key not in interned:
            interned[key] = layout_of(key, work.own)
        layouts[host] = interned[key]
    return layouts


def _by_layout(layouts: Mapping[str, Profile]) -> dict[Profile, list[str]]:
    grouped: dict[Profile, list[str]] = {}
    for host, layout in layouts.items():
        grouped.setdefault(layout, []).append(host)
    return grouped


def _without(work: Work, linked: Linked) -> dict[str, set[str]]:
    """Services to leave out by host: those held there, and those that require them on the same host."""
    without: dict[str, set[str]] = {}
    for (service, _), hosts in work.held.items():
        for host in hosts:
            without.setdefault(host, set()).add(service)
    edges = {name: service.document.requires for name, service in linked.services.items()}
    selected = {name: frozenset(service.hosts) for name, service in linked.services.items()}
    for (service, problem), hosts in list(work.held.items()):
        for dependant in reached(edges, [service]):
            if on_both := [host for host in hosts if host in selected[dependant]]:
                for host in on_both:
                    without[host].add(dependant)
                work.held.setdefault((dependant, problem), {}).update(dict.fromkeys(on_both))
    return without


def _held(work: Work) -> list[Held]:
    return [
        Held(service, tuple(sorted(hosts)), problem.message, problem.place)
        for (service, problem), hosts in sorted(work.held.items())
    ]


def _told(work: Work) -> Iterator[Problem]:
    """The problems, each once; those of some values only say on which hosts of their service they are."""
    for problem in work.problems:
        service = work.linked.services.get(problem.document.removeprefix("Service/"))
        hosts = sorted(work.held.get((service.document.name, problem), ())) if service else []
        if service is None or problem.reason not in _OF_VALUES or len(hosts) in (0, len(service.hosts)):
            yield problem
        else:
            yield replace(problem, message=f"{problem.message} (on {listing(hosts)})")


def _service(linked: LinkedService) -> Service:
    doc = linked.document
    return Service(
        name=doc.name,
        place=doc.place,
        project=doc.project,
        owner=doc.owner,
        requires=doc.requires,
        hosts=linked.hosts,
        sync=doc.sync,
        heal=doc.heal,
        rollout=doc.rollout,
    )
