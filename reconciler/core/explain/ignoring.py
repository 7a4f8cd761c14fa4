"""The exact YAML that makes recurring drift be left alone: what to write, where, and what exactly it would silence.

The change is made to the file's own text and read back with the parser, so what is offered is what would be
understood; where that fails nothing is offered. Knows drift as it is remembered; writes no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from reconciler.core.explain.report import Story, resources
from reconciler.core.linking.link import Linked
from reconciler.core.parsing.parse import parse_file
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Resource
from reconciler.model.document import Entry, ServiceDocument
from reconciler.model.episode import Thing
from reconciler.model.key import Place

Lines = Callable[[str], Sequence[str]]
"""Gives the lines of a file of the state repository; none where it can't be shown."""
How = Literal["after", "instead of", "in"]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Silenced:
    """Something that drifts now, and the hosts on which nothing more would be said of it."""

    thing: Thing
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snippet:
    """`lines` are to be written `after` the line of that number, `instead of` the lines from `line` to `last`, or the
    one there is to be written `in` it. `silences` is what would not be told any more of what drifts now, `things` what
    it would apply to at all; `remaining` drift in other fields too, and go on being told."""

    path: str
    line: int
    last: int
    how: How
    lines: tuple[str, ...]
    fields: tuple[str, ...]
    things: tuple[Thing, ...]
    silences: tuple[Silenced, ...]
    remaining: tuple[Thing, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repository:
    """What the files say, and their text."""

    desired: Desired
    linked: Linked
    registry: Registry
    lines: Lines


@dataclass(frozen=True, slots=True)
class _Edit:
    how: How
    line: int
    last: int
    new: tuple[str, ...]

    def made(self, lines: Sequence[str]) -> list[str]:
        if self.how == "after":
            return [*lines[: self.line], *self.new, *lines[self.line :]]
        return [*lines[: self.line - 1], *self.new, *lines[self.last :]]


def snippets(stories: Sequence[Story], repository: Repository, most: int) -> list[Snippet]:
    """What could be written for these things, in their order; one for each entry of a document, at most so many."""
    things = resources(repository.desired)
    by_place: dict[tuple[str, Place], list[Thing]] = {}
    for thing, resource in things.items():
        by_place.setdefault((thing.service, resource.place), []).append(thing)
    told = {story.thing: story for story in stories}
    found: dict[Place, Snippet] = {}
    for story in stories:
        if len(found) == most:
            break
        asked = story.resource
        if asked is not None and asked.place not in found:
            same = sorted(by_place[story.thing.service, asked.place])
            if made := _snippet(story, asked, same, told, repository):
                found[asked.place] = made
    return list(found.values())


def _snippet(
    story: Story, resource: Resource, same: Sequence[Thing], told: Mapping[Thing, Story], repository: Repository
) -> Snippet | None:
    fields = _fields(story)
    service = repository.linked.services.get(story.thing.service)
    entry = _entry(service.document, resource.place) if service else None
    if entry is None or not fields:
        return None
    wanted = tuple(dict.fromkeys((*resource.ignore, *fields)))
    path = resource.place.path
    lines = repository.lines(path)
    edit = next((e for e in _edits(lines, entry, wanted) if _understood(e, lines, entry, wanted, repository)), None)
    if edit is None:
        return None
    drifting = [told[thing] for thing in same if thing in told and told[thing].past.drifting]
    silences = tuple(Silenced(each.thing, hosts) for each in drifting if (hosts := _silenced(each, wanted)))
    return Snippet(
        path=path,
        line=edit.line,
        last=edit.last,
        how=edit.how,
        lines=edit.new,
        fields=wanted,
        things=tuple(same),
        silences=silences,
        remaining=tuple(each.thing for each in drifting if _silenced(each, wanted) != each.past.drifting),
    )


def _fields(story: Story) -> tuple[str, ...]:
    """What it drifts in again and again. A thing that is removed as a whole can't be left alone by its fields."""
    updates = [each for each in story.episodes if each.manner.action == "update"]
    return tuple(sorted({path for episode in updates for path in episode.manner.paths}))


def _silenced(story: Story, ignored: Sequence[str]) -> frozenset[str]:
    """The hosts on which it drifts in nothing else."""
    quiet = [
        each.hosts
        for each in story.episodes
        if each.until is None and each.manner.action == "update" and set(each.manner.paths) <= set(ignored)
    ]
    return frozenset[str]().union(*quiet)


def _entry(document: ServiceDocument, place: Place) -> Entry | None:
    return next((entry for entry in document.entries if entry.place == place), None)


def _edits(lines: Sequence[str], entry: Entry, fields: Sequence[str]) -> Iterator[_Edit]:
    """Ways to write it, as people would; not all of them fit how the file is written."""
    at, column = entry.place.line, entry.place.column - 1
    if not 0 < at <= len(lines):
        return
    text = f"ignore: [{', '.join(_word(field) for field in fields)}]"
    line = lines[at - 1]
    if line[column : column + 1] == "{":
        if "ignore" not in entry.fields and line[column + 1 :].strip():
            yield _Edit("in", at, at, (f"{line[: column + 1]}{text}, {line[column + 1 :].lstrip()}",))
        return
    own = f"{' ' * column}{text}"
    first, last = _block(lines, at, column, "ignore:") if "ignore" in entry.fields else (0, 0)
    if first == at:
        yield _Edit("instead of", at, last, (f"{line[:column]}{text}",))
    elif first:
        yield _Edit("instead of", first, last, (own,))
    else:
        end = _end(lines, at, column)
        yield _Edit("after", end, end, (own,))


def _block(lines: Sequence[str], start: int, column: int, name: str) -> tuple[int, int]:
    """The lines of a field of the mapping that begins at a line: the first and the last; zeros where it isn't."""
    for at in range(start, len(lines) + 1):
        line = lines[at - 1]
        if at > start and line.strip() and _indent(line) < column:
            break
        if line[column:].startswith(name):
            return at, _end(lines, at, column)
    return 0, 0


def _end(lines: Sequence[str], at: int, column: int) -> int:
    """The last line of the field that begins at a line: what is further in, or a list at the same depth."""
    last = at
    for number in range(at + 1, len(lines) + 1):
        line = lines[number - 1]
        if line.strip() and not (_indent(line) > column or (_indent(line) == column and line.lstrip()[:2] == "- ")):
            break
        last = number if line.strip() else last
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _word(field: str) -> str:
    return field if _PLAIN.fullmatch(field) and field.lower() not in _WORDS else orjson.dumps(field).decode()


def _understood(edit: _Edit, lines: Sequence[str], entry: Entry, fields: Sequence[str], repository: Repository) -> bool:
    """Whether the file says the same after it, but for what this entry ignores."""
    path, registry = entry.place.path, repository.registry
    before, after = _entries(path, lines, registry), _entries(path, edit.made(lines), registry)
    wanted = [
        (each.kind, each.name, {**each.fields, "ignore": list(fields)} if each.place == entry.place else each.fields)
        for each in before
    ]
    return [(each.kind, each.name, each.fields) for each in after] == wanted


def _entries(path: str, lines: Sequence[str], registry: Registry) -> list[Entry]:
    found = parse_file(path, "\n".join([*lines, ""]).encode(), registry)
    return [e for document in found.documents if isinstance(document, ServiceDocument) for e in document.entries]
