"""What one file of the state repository says: a value that can be kept for as long as the file is the same.

Must not know how it is found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.model.document import (
    FreezeDocument,
    HostDocument,
    PolicyDocument,
    ProjectDocument,
    ServiceDocument,
    WindowDocument,
)
from reconciler.model.key import Place
from reconciler.model.problem import Problem

Name = tuple[str, str]
"""Kind and name of a document."""

Few: TypeAlias = ServiceDocument | ProjectDocument | PolicyDocument | WindowDocument | FreezeDocument
"""Documents of which there are few; hosts are many."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file says. `opaque`: there may be documents in it whose names we don't know.

    `hosts` and `documents` can be used; `unusable` are those that can't but whose name is known, with the place of
    the name. `size` is in bytes. `foreign`: nothing in it says that it means us, so a resource may use it as a
    template or source.
    """

    path: str
    size: int = 0
    count: int = 0
    hosts: tuple[HostDocument, ...] = ()
    documents: tuple[Few, ...] = ()
    unusable: tuple[tuple[Name, Place], ...] = ()
    opaque: bool = False
    foreign: bool = False
    references: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> frozenset[Name]:
        """Names of documents that can't be used."""
        return frozenset(name for name, _ in self.unusable)

    @property
    def sound(self) -> bool:
        """Whether everything in it can be used."""
        return not (self.opaque or self.unusable)

    def names(self) -> Iterator[tuple[Name, Place]]:
        """All documents whose name is known, usable or not, with the place of the name."""
        yield from ((("Host", d.host.name), d.host.place) for d in self.hosts)
        yield from ((name_of(d), d.place) for d in self.documents)
        yield from self.unusable


def name_of(document: Few) -> Name:
    match document:
        case ServiceDocument():
            return "Service", document.name
        case ProjectDocument():
            return "Project", document.name
        case PolicyDocument():
            return "Policy", document.name
        case WindowDocument():
            return "Window", document.name
        case FreezeDocument():
            return "Freeze", document.name
