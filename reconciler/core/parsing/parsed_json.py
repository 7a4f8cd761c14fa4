"""What files say as JSON pages, to be kept across restarts. What comes back is not checked again.

Each page holds some files with their blob ids, and what its hosts have in common once. `FORMAT` changes with it.
Must not know where pages are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from reconciler.core.interning import InternedVars
from reconciler.core.parsing.document_json import from_fields, to_fields
from reconciler.core.parsing.parsed import FileResult
from reconciler.model.desired import Host
from reconciler.model.document import HostDocument
from reconciler.model.key import Place
from reconciler.model.problem import Problem

FORMAT = 2
_USUAL = 7
"""Fields of a host that has the usual port and way in."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file says, and the blob that it was read from."""

    blob: str
    result: FileResult


def to_page(files: Sequence[Kept]) -> bytes:
    """A page of some files."""
    table = _Table()
    rows = [[kept.blob, *_file(kept.result, table)] for kept in files]
    return orjson.dumps([table.vars.values, table.keys.values, table.words.values, rows])


class Pages:
    """Reads pages. What is equal in many hosts (vars, the words in labels) is one object in all that it has read.

    `seen` counts the files in the pages, wanted or not.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._vars = InternedVars()
        self._words: dict[str, str] = {}

    def wanted(self, page: bytes, blobs: Mapping[str, str]) -> Iterator[Kept]:
        """The files of a page that are of these paths' blobs."""
        variables, keys, words, rows = orjson.loads(page)
        table = _Read([*map(self._vars.of, variables)], keys, [self._words.setdefault(w, w) for w in words])
        self.seen += len(rows)
        for blob, path, *row in rows:
            if blobs.get(path) == blob:
                yield Kept(blob, self._result(path, row, table))

    def _result(self, path: str, row: list[Any], table: _Read) -> FileResult:
        size, count, rows, *rest = row
        hosts = tuple(
            [_usual(path, host, table) if len(host) == _USUAL else _other(path, host, table) for host in rows]
        )
        return FileResult(path, size, count, hosts, *(_rest(path, rest[0]) if rest else ()))


class _Read(NamedTuple):
    """What the hosts of a page have in common, by number."""

    vars: list[Mapping[str, Any]]
    keys: list[list[str]]
    words: list[str]


def _usual(path: str, row: list[Any], table: _Read) -> HostDocument:
    """Runs for every host there is, so it does nothing twice."""
    name, line, column, address, variables, keys, values = row
    labels = dict(zip(table.keys[keys], map(table.words.__getitem__, values), strict=True))
    return HostDocument(
        Host(name, Place(path, line, column), labels, address, 22, "", "ssh", False, "", table.vars[variables])
    )


def _other(path: str, row: list[Any], table: _Read) -> HostDocument:
    port, user, connection, become, root, at = row[_USUAL:]
    host = _usual(path, row[:_USUAL], table).host
    host = replace(host, port=port, user=user, connection=connection, become=become, root=root)
    return HostDocument(host, Place(path, *at) if at else None)


class _Numbers:
    """Each different value once, by its number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def of(self, key: Any, value: Any) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


class _Table:
    """What hosts of a page have in common: vars, the keys of their labels, the words in their labels."""

    def __init__(self) -> None:
        self.vars, self.keys, self.words = _Numbers(), _Numbers(), _Numbers()

    def host(self, host: Host) -> tuple[int, int, list[int]]:
        labels = host.labels
        keys = self.keys.of(tuple(labels), list(labels))
        return self.vars.of(orjson.dumps(host.vars), host.vars), keys, [self.words.of(w, w) for w in labels.values()]


def _file(result: FileResult, table: _Table) -> list[Any]:
    """Nothing but hosts is the usual case; then the rest is left out."""
    row = [result.path, result.size, result.count, [_host(d, table) for d in result.hosts]]
    plain = FileResult(result.path, result.size, result.count, result.hosts)
    if result != plain:
        documents = [to_fields(document) for document in result.documents]
        unusable = [[kind, name, *_at(place)] for (kind, name), place in result.unusable]
        problems = [_problem(problem) for problem in result.problems]
        row.append([documents, unusable, result.opaque, result.foreign, sorted(result.references), problems])
    return row


def _rest(path: str, rest: list[Any]) -> tuple[Any, ...]:
    """The fields of a result after its hosts."""
    documents, unusable, opaque, foreign, references, problems = rest
    return (
        tuple(from_fields(path, fields) for fields in documents),
        tuple(((kind, name), Place(path, *at)) for kind, name, *at in unusable),
        opaque,
        foreign,
        frozenset(references),
        tuple(Problem(Place(path, line, column), *said) for line, column, *said in problems),
    )


def _host(document: HostDocument, table: _Table) -> list[Any]:
    host = document.host
    row = [host.name, *_at(host.place), host.address, *table.host(host)]
    rest = [host.port, host.user, host.connection, host.become, host.root]
    usual = rest == [22, "", "ssh", False, ""] and document.connection is None
    return row if usual else [*row, *rest, _at(document.connection) if document.connection else None]


def _at(place: Place) -> tuple[int, int]:
    return place.line, place.column


def _problem(p: Problem) -> list[Any]:
    return [*_at(p.place), p.reason, p.message, p.document, p.hint, p.severity, p.width]
