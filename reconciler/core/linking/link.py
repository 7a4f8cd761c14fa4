"""All documents together: what services require, select and may reach, and what can't be used because of what.

A service with an error of its own is quarantined; one that requires it is held, with the root cause named and no
error of its own. Must not know resources' meaning or what hosts say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.core.graph import cycles
from reconciler.core.linking.gaps import Cause, Gaps, gaps
from reconciler.core.linking.hold import causes
from reconciler.core.linking.policies import Policies, policies
from reconciler.core.linking.reach import check_project
from reconciler.core.linking.restraint import Restraints, restraints
from reconciler.core.linking.select import LabelIndex
from reconciler.core.quote import quote
from reconciler.kinds import Registry
from reconciler.model.desired import Held, Host
from reconciler.model.document import Documents, HostDocument, ProjectDocument, ServiceDocument
from reconciler.model.problem import Problem, errors


@dataclass(frozen=True, slots=True)
class LinkedService:
    """A usable service and the hosts that it selects, sorted; `mask` says of each host whether it is one of them."""

    document: ServiceDocument
    hosts: tuple[str, ...]
    mask: bytes


@dataclass(frozen=True, slots=True)
class Indexed:
    """Documents' hosts that can be used, sorted by name, with an index of their labels; and those refused, with why."""

    documents: Mapping[str, HostDocument]
    allow_local: bool
    hosts: Mapping[str, Host]
    refused: tuple[Problem, ...]
    labels: LabelIndex

    def of(self, documents: Documents, *, allow_local: bool) -> bool:
        """Whether it is made from the very same hosts."""
        return self.documents is documents.hosts and self.allow_local == allow_local


@dataclass(frozen=True, slots=True)
class Linked:
    """What can be used, by name and sorted. `held` are services that can't be, with the hosts that they select now.

    `broken` are the files with an error in them; `problems` are all, those of parsing too. `indexed` is for linking
    the same hosts again.
    """

    hosts: Mapping[str, Host]
    services: Mapping[str, LinkedService]
    projects: Mapping[str, ProjectDocument]
    held: tuple[Held, ...]
    broken: frozenset[str]
    problems: tuple[Problem, ...]
    indexed: Indexed
    restraints: Restraints = field(default_factory=Restraints)
    policies: Policies = field(default_factory=Policies)


def link(
    documents: Documents,
    registry: Registry,  # noqa: ARG001 - as all stages
    *,
    allow_local: bool,
    before: Linked | None = None,
) -> Linked:
    """Checks across documents. `allow_local` is the operator's word that hosts may be this machine itself.

    `before` is what was linked the last time: hosts that are the very same are not looked at again.
    """
    unseen = gaps(documents)
    same = before is not None and before.indexed.of(documents, allow_local=allow_local)
    indexed = before.indexed if before and same else _index(documents, allow_local=allow_local)
    index = indexed.labels
    bits = {name: index.bits(service.selector) for name, service in sorted(documents.services.items())}

    restrained = restraints(documents, unseen)
    ruled = policies(documents, unseen, index)
    found = [*indexed.refused, *restrained.problems, *ruled.problems]
    for name, selected in bits.items():
        service = documents.services[name]
        found += _requires(service, unseen)
        found += check_project(documents, unseen, service, selected, index)
        found += [] if selected else [_selects_nothing(service)]
    circles = list(_circles(documents))
    found += [problem for problem, _ in circles]

    held = causes(documents, unseen, _own(found) | _in_circles(circles))
    linked = {name: LinkedService(documents.services[name], index.names(b), index.mask(b)) for name, b in bits.items()}
    return Linked(
        hosts=indexed.hosts,
        services={name: service for name, service in linked.items() if name not in held},
        projects=dict(sorted(documents.projects.items())),
        held=tuple(
            Held(name, linked[name].hosts if name in linked else (), cause.text, cause.place)
            for name, cause in sorted(held.items())
        ),
        broken=_broken(documents, found, circles),
        problems=tuple(sorted({*documents.problems, *found})),
        indexed=indexed,
        restraints=restrained,
        policies=ruled,
    )


def _index(documents: Documents, *, allow_local: bool) -> Indexed:
    hosts = {name: documents.hosts[name].host for name in sorted(documents.hosts)}
    local = [] if allow_local else [name for name, host in hosts.items() if host.connection == "local"]
    for name in local:
        del hosts[name]
    refused = tuple(_local_problem(documents.hosts[name]) for name in local)
    return Indexed(documents.hosts, allow_local, hosts, refused, LabelIndex(hosts))


def _local_problem(document: HostDocument) -> Problem:
    name, place = document.host.name, document.connection or document.host.place
    hint = "set allow_local = true in reconciler.toml or RECONCILER_ALLOW_LOCAL=true"
    message = f'host "{name}" is this machine itself (connection: local), which is not allowed here'
    return Problem(place, "local-not-allowed", message, f"Host/{name}", hint, width=len("local"))


def _requires(service: ServiceDocument, unseen: Gaps) -> Iterator[Problem]:
    """Services that are required and that nobody defines."""
    for i, required in enumerate(service.requires):
        certain, near = unseen.missing("Service", required)
        if certain:
            message = f"service {quote(required)} is required but nobody defines it"
            yield _require_problem(service, i, "unknown-service", message, near or "define it, or take it out")


def _circles(documents: Documents) -> Iterator[tuple[Problem, frozenset[str]]]:
    """One problem for each group of services that require each other, and the group."""
    edges = {name: [r for r in s.requires if r in documents.services] for name, s in documents.services.items()}
    for group, way in cycles(edges):
        shown = way if len(way) <= 12 else (*way[:6], f"… {len(way) - 10} more …", *way[-4:])
        message = f"services require each other in a circle: {' → '.join(shown)}"
        service = documents.services[way[0]]
        hint = "take one of them out of requires"
        yield _require_problem(service, service.requires.index(way[1]), "requires-cycle", message, hint), group


def _require_problem(service: ServiceDocument, i: int, reason: str, message: str, hint: str) -> Problem:
    place = service.marks.get(("spec", "requires", i), service.place)
    return Problem(place, reason, message, f"Service/{service.name}", hint, width=len(service.requires[i]))


def _selects_nothing(service: ServiceDocument) -> Problem:
    place = service.marks.get(("spec", "hosts", "~key"), service.place)
    hint = "compare its hosts with the labels of the hosts"
    message, name = f'service "{service.name}" selects no host', f"Service/{service.name}"
    return Problem(place, "selects-nothing", message, name, hint, "warning", len("hosts"))


def _own(problems: list[Problem]) -> dict[str, Cause]:
    """The first error of each service."""
    found: dict[str, Cause] = {}
    for problem in sorted(errors(problems)):
        kind, _, name = problem.document.partition("/")
        if kind == "Service":
            found.setdefault(name, Cause(problem.message, problem.place))
    return found


def _in_circles(circles: list[tuple[Problem, frozenset[str]]]) -> dict[str, Cause]:
    return {name: Cause(problem.message, problem.place) for problem, group in circles for name in group}


def _broken(
    documents: Documents, problems: list[Problem], circles: list[tuple[Problem, frozenset[str]]]
) -> frozenset[str]:
    """Files with an error in them: those of parsing, of links, and of every service in a circle."""
    circular = {documents.services[name].place.path for _, group in circles for name in group}
    return frozenset(documents.broken) | circular | {p.place.path for p in errors(problems)}
