"""What a project lets its services reach: paths, hosts and kinds of resources.

Must not know other services.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.linking.gaps import Gaps
from reconciler.core.linking.select import LabelIndex
from reconciler.core.parsing.secret import files_in, references_in
from reconciler.core.quote import listing, quote
from reconciler.model.document import Documents, ProjectDocument, ServiceDocument
from reconciler.model.problem import Problem
from reconciler.model.rollout import CommandCheck

_PROJECT = ("metadata", "project")


def check_project(
    documents: Documents, unseen: Gaps, service: ServiceDocument, hosts: int, index: LabelIndex
) -> Iterator[Problem]:
    """Where a service reaches outside of its project. `hosts` is the bitmap of those it selects, of this index."""
    yield from _foreign(documents, service)
    project = documents.projects.get(service.project)
    if project is None:
        yield from _unknown(unseen, service)
        return
    yield from _outside_paths(project, service)
    yield from _outside_hosts(project, service, hosts, index)
    yield from _outside_kinds(project, service)
    yield from _outside_secrets(project, service)
    yield from _commands(project, service)


def holds(paths: tuple[str, ...], path: str) -> bool:
    """Whether a file is one of the paths or in one of them."""
    return any(path == p or path.startswith(p + "/") for p in paths)


def _unknown(unseen: Gaps, service: ServiceDocument) -> Iterator[Problem]:
    """A project that nobody defines."""
    certain, near = unseen.missing("Project", service.project) if service.project else (False, "")
    if certain:
        message = f"nobody defines the project {quote(service.project)}"
        yield _problem(service, _PROJECT, "unknown-project", message, near or "define it, or take it out")


def _foreign(documents: Documents, service: ServiceDocument) -> Iterator[Problem]:
    """A file in a project's paths can't name no project: that would be the way out of all of its limits."""
    path = service.place.path
    claiming = sorted(n for n, p in documents.projects.items() if p.paths is not None and holds(p.paths, path))
    if claiming and not service.project:
        hint = f"write project: {claiming[0]} under metadata, or move the file"
        message = f'service "{service.name}" names no project, but {path} belongs to {listing(claiming)}'
        yield _problem(service, _PROJECT, "outside-project", message, hint)


def _outside_paths(project: ProjectDocument, service: ServiceDocument) -> Iterator[Problem]:
    if project.paths is not None and not holds(project.paths, service.place.path):
        message = f'service "{service.name}" is outside the paths of project "{project.name}"'
        hint = f"move the file into {listing(project.paths)}" if project.paths else "the project has no paths"
        yield _problem(service, _PROJECT, "outside-project", message, hint)


def _outside_hosts(
    project: ProjectDocument, service: ServiceDocument, hosts: int, index: LabelIndex
) -> Iterator[Problem]:
    outside = hosts & ~index.bits(project.selector) if project.selector is not None else 0
    if outside:
        names = index.names(outside)
        shown = names[:3] + ((f"{len(names) - 3:,} more",) if len(names) > 3 else ())
        message = f'service "{service.name}" selects hosts outside of project "{project.name}": {listing(shown)}'
        hint = "narrow its hosts, or widen the project's"
        yield _problem(service, ("spec", "hosts"), "outside-project", message, hint)


def _outside_kinds(project: ProjectDocument, service: ServiceDocument) -> Iterator[Problem]:
    for entry in service.entries:
        if project.kinds is not None and entry.kind not in project.kinds:
            message = f'project "{project.name}" does not allow the kind {entry.kind}'
            hint = f"it allows {listing(project.kinds)}" if project.kinds else "it allows none"
            name = f"Service/{service.name}"
            yield Problem(entry.place, "outside-project", message, name, hint, width=len(entry.kind))


def _outside_secrets(project: ProjectDocument, service: ServiceDocument) -> Iterator[Problem]:
    """A team's secrets are in its own paths, and only its own services may have them."""
    for path, reference in references_in(service.vars):
        outside = sorted(f for f in files_in(reference) if project.paths is not None and not holds(project.paths, f))
        if outside:
            message = f'the secrets of {outside[0]} are outside the paths of project "{project.name}"'
            hint = (
                f"keep them in {listing(project.paths or ())}, or let a var of the project or of the host refer to them"
            )
            yield _problem(service, ("spec", "vars", *path), "outside-project", message, hint)


def _commands(project: ProjectDocument, service: ServiceDocument) -> Iterator[Problem]:
    """A health check that runs a command on hosts can do all that the kind can."""
    for number, check in enumerate(service.rollout.health):
        if isinstance(check, CommandCheck) and project.kinds is not None and "command" not in project.kinds:
            message = f'project "{project.name}" does not allow the kind command, so no health check may run one'
            hint = "use http, tcp, systemd or prometheus"
            yield _problem(service, ("spec", "rollout", "health", number), "outside-project", message, hint)


def _problem(service: ServiceDocument, path: tuple[str | int, ...], reason: str, message: str, hint: str) -> Problem:
    return Problem(service.marks.get(path, service.place), reason, message, f"Service/{service.name}", hint)
