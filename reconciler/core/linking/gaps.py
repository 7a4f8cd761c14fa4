"""What can't be seen of the repository: documents with errors, and files that nobody can say what is in.

Lets checks tell *nobody defines it* from *it may be there, but can't be read*. Must not know what documents mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.quote import did_you_mean
from reconciler.model.document import Documents
from reconciler.model.key import Place
from reconciler.model.problem import Problem, errors


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something can't be used, in words, and where to look."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Gaps:
    """`known` are names by kind, usable or not; `broken` those that aren't; `blind` is why a file can't be read."""

    known: dict[str, frozenset[str]]
    broken: dict[tuple[str, str], Cause]
    blind: Cause | None

    def defines(self, kind: str, name: str) -> bool:
        return name in self.known[kind]

    def missing(self, kind: str, name: str) -> tuple[bool, str]:
        """Whether nobody defines it for certain, and the name that was probably meant as a hint."""
        if self.defines(kind, name):
            return False, ""
        hint = did_you_mean(name, self.known[kind])
        return bool(hint) or self.blind is None, hint


def gaps(documents: Documents) -> Gaps:
    """Computed once, used by every check."""
    first: dict[str, Problem] = {}
    for problem in errors(documents.problems):
        first.setdefault(problem.document, problem)
    broken: dict[tuple[str, str], Cause] = {}
    for path, names in sorted(documents.broken.items()):
        for kind, name in names:
            broken.setdefault((kind, name), _cause(first.get(f"{kind}/{name}"), path))
    # A file that can't be read to its end names none of its documents as broken, but their problems do.
    for document, problem in first.items():
        kind, slash, name = document.partition("/")
        if slash:
            broken.setdefault((kind, name), _cause(problem, problem.place.path))
    known = {
        "Service": documents.services.keys() | _names("Service", broken),
        "Project": documents.projects.keys() | _names("Project", broken),
    }
    return Gaps({kind: frozenset(names) for kind, names in known.items()}, broken, _blind(documents))


def _names(kind: str, broken: Iterable[tuple[str, str]]) -> set[str]:
    return {name for of, name in broken if of == kind}


def _cause(problem: Problem | None, path: str) -> Cause:
    return Cause(problem.message, problem.place) if problem else Cause("its document has an error", Place(path))


def _blind(documents: Documents) -> Cause | None:
    paths = sorted(path for path, names in documents.broken.items() if not names)
    if not paths:
        return None
    place = min((p.place for p in errors(documents.problems) if p.place.path == paths[0]), default=Place(paths[0]))
    return Cause(f"it may be in {paths[0]}, which can't be read", place)
