"""What all files say together: names that stand twice belong to nobody, and nothing is read beyond the totals.

Runs for every revision, so it looks only at what differs from a usable host. Must not know how files are parsed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, compress, count
from operator import attrgetter, is_not

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
class Gathered:
    """The files of a revision by path: all that were `found`, and the `files` that count. A `rest` of those says more
    than which usable hosts there are. `parts` are the files' hosts, `hosts` the same by name, each if it is `distinct`.
    `size` and `count` are the totals."""

    found: Sequence[FileResult]
    files: Sequence[FileResult]
    rest: Sequence[FileResult]
    references: frozenset[str]
    parts: tuple[tuple[HostDocument, ...], ...]
    hosts: Mapping[str, HostDocument]
    distinct: bool
    size: int
    count: int


def join(results: Iterable[FileResult], limits: Limits = DEFAULT) -> Documents:
    """All documents of a revision."""
    return join_with(results, limits)[0]


def join_with(
    results: Iterable[FileResult], limits: Limits = DEFAULT, before: Gathered | None = None
) -> tuple[Documents, Gathered]:
    """As `join`, with what was gathered, for the next time. Hosts are the very same as before when no file's have
    changed."""
    found = sorted(results, key=attrgetter("path"))
    gathered = (before and _gone_on(found, before)) or _gathered(found, before)
    if gathered.size <= limits.total_bytes and gathered.count <= limits.total_documents:
        return _joined(gathered, []), gathered
    fitting, problem = _fitting(gathered.files, limits)
    return _joined(replace(_gathered(fitting, None), references=gathered.references), [problem]), gathered


def _gathered(found: Sequence[FileResult], before: Gathered | None) -> Gathered:
    rest = [f for f in found if _says_more(f)]
    references = _references(rest)
    files = _counting(found, references)
    parts = tuple(f.hosts for f in files if f.hosts)
    if before is not None and parts == before.parts:
        parts, hosts = before.parts, before.hosts
    else:
        hosts = {d.host.name: d for d in chain.from_iterable(parts)}
    return Gathered(
        found=found,
        files=files,
        rest=_counting(rest, references),
        references=references,
        parts=parts,
        hosts=hosts,
        distinct=len(hosts) == sum(map(len, parts)),
        size=sum(map(attrgetter("size"), files)),
        count=sum(map(attrgetter("count"), files)),
    )


def _gone_on(found: Sequence[FileResult], before: Gathered) -> Gathered | None:
    """What is gathered where the same files were found before, and those that differ have the same hosts: then only
    they and the rest are looked at. None where more has changed."""
    if len(found) != len(before.found):
        return None
    moved = [(before.found[at], found[at]) for at in compress(count(), map(is_not, found, before.found))]
    if any(o.path != n.path or o.hosts != n.hosts or o.foreign or n.foreign for o, n in moved):
        return None
    others = {old.path for old, _ in moved}
    rest = [f for f in before.rest if f.path not in others] + [new for _, new in moved if _says_more(new)]
    references = _references(rest)
    if references != before.references:
        return None
    return replace(
        before,
        found=found,
        files=_counting(found, references),
        rest=sorted(rest, key=attrgetter("path")),
        size=before.size + sum(new.size - old.size for old, new in moved),
        count=before.count + sum(new.count - old.count for old, new in moved),
    )


def _says_more(f: FileResult) -> bool:
    """Whether there is more in it than usable hosts, or it may not count."""
    return bool(f.documents or f.unusable or f.opaque or f.foreign or f.references or f.problems)


def _references(files: Iterable[FileResult]) -> frozenset[str]:
    return frozenset[str]().union(*(f.references for f in files if f.references))


def _counting(files: Sequence[FileResult], references: frozenset[str]) -> Sequence[FileResult]:
    return [f for f in files if not (f.foreign and f.path in references)]


def _joined(gathered: Gathered, over: list[Problem]) -> Documents:
    rest, hosts = gathered.rest, gathered.hosts
    twice = list(_defined_twice(gathered))
    ambiguous = {name for name, _ in twice}
    usable = [d for f in rest for d in f.documents if name_of(d) not in ambiguous]
    lost = {name for kind, name in ambiguous if kind == "Host"}
    problems = {p for f in rest for p in f.problems} | {p for _, p in twice} | set(over)
    unsure = gathered.files if ambiguous else rest
    return Documents(
        hosts={n: d for n, d in hosts.items() if n not in lost} if lost else hosts,
        services={d.name: d for d in usable if isinstance(d, ServiceDocument)},
        projects={d.name: d for d in usable if isinstance(d, ProjectDocument)},
        references=gathered.references,
        broken={f.path: _broken(f, ambiguous) for f in unsure if not f.sound or _defines(f, ambiguous)},
        count=gathered.count,
        problems=tuple(sorted(problems)),
        windows={d.name: d for d in usable if isinstance(d, WindowDocument)},
        freezes={d.name: d for d in usable if isinstance(d, FreezeDocument)},
        policies={d.name: d for d in usable if isinstance(d, PolicyDocument)},
    )


def _fitting(files: Sequence[FileResult], limits: Limits) -> tuple[list[FileResult], Problem]:
    """The files with those that don't fit into the totals unread: from the first that doesn't, nothing is used."""
    sizes, counts = accumulate(f.size for f in files), accumulate(f.count for f in files)
    fits = (s <= limits.total_bytes and c <= limits.total_documents for s, c in zip(sizes, counts, strict=True))
    first = next(at for at, fit in enumerate(fits) if not fit)
    what = f"more than {limits.total_bytes:,} bytes or {limits.total_documents:,} documents"
    message = f"the state repository holds {what}; from this file on, {len(files) - first:,} files are not read"
    place, hint = Place(files[first].path), "split it, or narrow the state path"
    unread = [FileResult(f.path, f.size, f.count, opaque=True) for f in files[first:]]
    return [*files[:first], *unread], Problem(place, "repository-too-large", message, hint=hint)


def _defined_twice(gathered: Gathered) -> Iterator[tuple[Name, Problem]]:
    """A problem for each definition of a name after its first."""
    for (kind, name), (first, *later) in _places(gathered).items():
        for place in later:
            message = f'{kind.lower()} "{name}" is defined twice; first at {first}'
            hint = "rename or remove one; until then neither is used"
            yield (kind, name), Problem(place, "duplicate-name", message, f"{kind}/{name}", hint, width=len("name"))


def _places(gathered: Gathered) -> dict[Name, list[Place]]:
    """Where each name is defined, sorted; without names of hosts that certainly stand once."""
    lost = (name for f in gathered.rest for (kind, name), _ in f.unusable if kind == "Host")
    once = gathered.distinct and not any(name in gathered.hosts for name in lost)
    places: dict[Name, list[Place]] = defaultdict(list)
    for file in gathered.rest if once else gathered.files:
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
