"""Windows and freezes among the other documents: whose they are, what they reach, and what can't be used.

One that can't be used counts as a freeze of all that it may be meant for: what nobody can read must not open a door.
Must not know what time it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from reconciler.core.instant import from_text
from reconciler.core.linking.gaps import Cause, Gaps
from reconciler.core.linking.reach import holds
from reconciler.core.parsing.parsed import name_of
from reconciler.core.quote import listing, quote
from reconciler.model.calendar import Freeze, Reach, Window
from reconciler.model.document import Documents, FreezeDocument, PolicyDocument, WindowDocument
from reconciler.model.problem import Problem, errors

Document: TypeAlias = WindowDocument | FreezeDocument | PolicyDocument
"""What reaches services by their names or projects."""


@dataclass(frozen=True, slots=True)
class Restraints:
    """What restrains changes, sorted by name, and what is wrong with it."""

    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    problems: tuple[Problem, ...] = ()


def restraints(documents: Documents, unseen: Gaps) -> Restraints:
    """All windows and freezes of a revision."""
    given: list[Document] = [*documents.windows.values(), *documents.freezes.values()]
    problems = [problem for document in given for problem in reach_problems(document, documents, unseen)]
    wrong = {problem.document for problem in errors(problems)}
    usable = [document for document in given if called(document) not in wrong]
    first = {problem.document: Cause(problem.message, problem.place) for problem in sorted(problems, reverse=True)}
    causes = {tuple(name.split("/", 1)): first[name] for name in wrong}
    causes |= {key: cause for key, cause in unseen.broken.items() if key[0] in ("Window", "Freeze")}
    return Restraints(
        windows=tuple(_window(d) for d in sorted(usable, key=lambda d: d.name) if isinstance(d, WindowDocument)),
        freezes=(
            *(_freeze(d) for d in sorted(usable, key=lambda d: d.name) if isinstance(d, FreezeDocument)),
            *(_unusable(kind, name, cause, documents) for (kind, name), cause in sorted(causes.items())),
        ),
        problems=tuple(problems),
    )


def called(document: Document) -> str:
    """`Kind/name`."""
    return "/".join(name_of(document))


def _window(document: WindowDocument) -> Window:
    return Window(
        name=document.name,
        effect=document.effect,
        cron=document.cron,
        duration=timedelta(seconds=document.duration),
        zone=document.timezone,
        reach=reach_of(document),
        origin=str(document.place),
    )


def _freeze(document: FreezeDocument) -> Freeze:
    return Freeze(
        name=document.name,
        reason=document.reason,
        reach=reach_of(document),
        start=from_text(document.start) if document.start else None,
        until=from_text(document.until) if document.until else None,
        origin=str(document.place),
    )


def reach_of(document: Document) -> Reach:
    """The services that it is for."""
    return Reach(document.services, document.projects, document.project)


def _unusable(kind: str, name: str, cause: Cause, documents: Documents) -> Freeze:
    reason = f"the {kind} {name} can't be used, so nobody knows whether this may run: {cause.text}"
    return Freeze(name, reason, perhaps_reached(documents, cause), origin=str(cause.place))


def perhaps_reached(documents: Documents, cause: Cause) -> Reach:
    """What a document that can't be used may be meant for. A project whose paths the file is in has no more than
    itself."""
    claiming = _claiming(documents, cause.place.path)
    return Reach(within=claiming[0]) if len(claiming) == 1 else Reach()


def _claiming(documents: Documents, path: str) -> list[str]:
    return sorted(n for n, p in documents.projects.items() if p.paths is not None and holds(p.paths, path))


def reach_problems(document: Document, documents: Documents, unseen: Gaps) -> Iterator[Problem]:
    """What is wrong with the services and projects that it names, and with its own place."""
    for i, name in enumerate(document.services):
        yield from _unknown(document, ("spec", "services", i), "Service", unseen)
        if document.project and (service := documents.services.get(name)) and service.project != document.project:
            message = f'service "{name}" is not of project "{document.project}"'
            yield _problem(document, ("spec", "services", i), "outside-project", message, "take it out")
    for i, name in enumerate(document.projects):
        yield from _unknown(document, ("spec", "projects", i), "Project", unseen)
        if document.project and name != document.project:
            message = f'{quote(name)} is another project than "{document.project}"'
            yield _problem(document, ("spec", "projects", i), "outside-project", message, "take it out")
    yield from _placed(document, documents, unseen)


def _unknown(document: Document, at: tuple[str, str, int], kind: str, unseen: Gaps) -> Iterator[Problem]:
    name = (document.services if kind == "Service" else document.projects)[at[2]]
    certain, near = unseen.missing(kind, name)
    if certain:
        message = f"nobody defines the {kind.lower()} {quote(name)}"
        yield _problem(document, at, f"unknown-{kind.lower()}", message, near or "define it, or take it out")


def _placed(document: Document, documents: Documents, unseen: Gaps) -> Iterator[Problem]:
    """As for services: a project's file says which project it is for, and a project's document lies in its paths."""
    claiming = _claiming(documents, document.place.path)
    project = documents.projects.get(document.project)
    if document.project and project is None:
        certain, near = unseen.missing("Project", document.project)
        if certain:
            message = f"nobody defines the project {quote(document.project)}"
            yield _problem(document, ("metadata", "project"), "unknown-project", message, near or "define it")
    elif claiming and not document.project:
        message = f'"{document.name}" names no project, but {document.place.path} belongs to {listing(claiming)}'
        hint = f"write project: {claiming[0]} under metadata, or move the file"
        yield _problem(document, ("metadata", "project"), "outside-project", message, hint)
    elif project and project.paths is not None and not holds(project.paths, document.place.path):
        message = f'"{document.name}" is outside the paths of project "{project.name}"'
        hint = f"move the file into {listing(project.paths)}" if project.paths else "the project has no paths"
        yield _problem(document, ("metadata", "project"), "outside-project", message, hint)


def _problem(document: Document, path: tuple[str | int, ...], reason: str, message: str, hint: str) -> Problem:
    return Problem(document.marks.get(path, document.place), reason, message, called(document), hint)
