"""What all files say together: names that stand twice belong to nobody, and nothing is read beyond the totals.

Runs for every revision, so it looks only at what differs from a usable host. Must not know how files are parsed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from reconciler.core.parsing.limits import DEFAULT, Limits
from reconciler.core.parsing.parsed import FileResult, Name, name_of
from reconciler.model.document import (
    Documents,
    FreezeDocument,
    HostDocument,
    PolicyDocument,
    ProjectDocument,
    ServiceDocument,
    WindowDocument,
)
from reconciler.model.key import Place
from reconciler.model.problem import Problem


@dataclass(frozen=True, slots=True)
class Hosts:
    """All usable hosts by name, and the files' hosts that they were gathered from."""

    parts: tuple[tuple[HostDocument, ...], ...]
    by_name: Mapping[str, HostDocument]

    @property
    def distinct(self) -> bool:
        return len(self.by_name) == sum(map(len, self.parts))


def gather(files: Iterable[FileResult], before: Hosts | None = None) -> Hosts:
    """The hosts of all files; the very same as before when no file's hosts have changed."""
    parts = tuple(f.hosts for f in files if f.hosts)
    if before is not None and parts == before.parts:
        return before
    return Hosts(parts, {d.host.name: d for d in chain.from_iterable(parts)})


def join(results: Iterable[FileResult], limits: Limits = DEFAULT) -> Documents:
    """All documents of a revision."""
    return join_with(results, limits)[0]


def join_with(
    results: Iterable[FileResult], limits: Limits = DEFAULT, before: Hosts | None = None
) -> tuple[Documents, Hosts]:
    """As `join`, with the hosts as they were gathered, for the next time."""
    found = sorted(results, key=attrgetter("path"))
    references = frozenset[str]().union(*(f.references for f in found if f.references))
    files, over = _within([f for f in found if not (f.foreign and f.path in references)], limits)
    gathered = gather(files, before)
    twice = list(_defined_twice(files, gathered))
    ambiguous = {name for name, _ in twice}
    usable = [d for f in files if f.documents for d in f.documents if name_of(d) not in ambiguous]
    lost = {name for kind, name in ambiguous if kind == "Host"}
    problems = {p for f in files if f.problems for p in f.problems} | {p for _, p in twice} | set(over)
    documents = Documents(
        hosts={n: d for n, d in gathered.by_name.items() if n not in lost} if lost else gathered.by_name,
        services={d.name: d for d in usable if isinstance(d, ServiceDocument)},
        projects={d.name: d for d in usable if isinstance(d, ProjectDocument)},
        references=references,
        broken={f.path: _broken(f, ambiguous) for f in files if not f.sound or (ambiguous and _defines(f, ambiguous))},
        count=sum(f.count for f in files),
        problems=tuple(sorted(problems)),
        windows={d.name: d for d in usable if isinstance(d, WindowDocument)},
        freezes={d.name: d for d in usable if isinstance(d, FreezeDocument)},
        policies={d.name: d for d in usable if isinstance(d, PolicyDocument)},
    )
    return documents, gathered


def _within(files: list[FileResult], limits: Limits) -> tuple[list[FileResult], list[Problem]]:
    """The files that fit into the totals as they are; from the first that doesn't, nothing of them is used."""
    size, count = sum(map(attrgetter("size"), files)), sum(map(attrgetter("count"), files))
    if size <= limits.total_bytes and count <= limits.total_documents:
        return files, []
    size = count = 0
    for i, file in enumerate(files):
        size += file.size
        count += file.count
        if size > limits.total_bytes or count > limits.total_documents:
            what = f"more than {limits.total_bytes:,} bytes or {limits.total_documents:,} documents"
            message = f"the state repository holds {what}; from this file on, {len(files) - i:,} files are not read"
            problem = Problem(
                Place(file.path), "repository-too-large", message, hint="split it, or narrow the state path"
            )
            unread = [FileResult(f.path, f.size, f.count, opaque=True) for f in files[i:]]
            return files[:i] + unread, [problem]
    return files, []


def _defined_twice(files: list[FileResult], hosts: Hosts) -> Iterator[tuple[Name, Problem]]:
    """A problem for each definition of a name after its first."""
    for (kind, name), (first, *later) in _places(files, hosts).items():
        for place in later:
            message = f'{kind.lower()} "{name}" is defined twice; first at {first}'
            hint = "rename or remove one; until then neither is used"
            yield (kind, name), Problem(place, "duplicate-name", message, f"{kind}/{name}", hint, width=len("name"))


def _places(files: list[FileResult], hosts: Hosts) -> dict[Name, list[Place]]:
    """Where each name is defined, sorted; without names of hosts that certainly stand once."""
    lost = (name for f in files for (kind, name), _ in f.unusable if kind == "Host")
    once = hosts.distinct and not any(name in hosts.by_name for name in lost)
    places: dict[Name, list[Place]] = defaultdict(list)
    for file in files:
        if not once or file.documents or file.unusable:
            for name, place in file.names():
                places[name].append(place)
    return {name: sorted(found) for name, found in places.items()}


def _broken(file: FileResult, ambiguous: set[Name]) -> frozenset[Name]:
    """Names of a file's documents that can't be used; nothing when there may be others that we can't name."""
    if file.opaque:
        return frozenset()
    return file.broken | _defines(file, ambiguous)


def _defines(file: FileResult, names: set[Name]) -> frozenset[Name]:
    return frozenset(name for name, _ in file.names() if name in names) if names else frozenset()
