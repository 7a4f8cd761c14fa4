"""What files say as JSON pages, to be kept across restarts. What comes back is not checked again.

Each page holds some files with their blob ids, and what its hosts have in common once. `FORMAT` changes with it.
Must not know where pages are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, compress, repeat
from typing import Any

import orjson

from reconciler.core.interning import InternedVars
from reconciler.core.parsing.document_json import from_fields, to_fields
from reconciler.core.parsing.parsed import FileResult
from reconciler.model.desired import Host
from reconciler.model.document import HostDocument
from reconciler.model.key import Place
from reconciler.model.problem import Problem

FORMAT = 4

_place = partial(tuple.__new__, Place)
_host = partial(tuple.__new__, Host)
_document = partial(tuple.__new__, HostDocument)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file says, and the blob that it was read from."""

    blob: str
    result: FileResult


def to_page(files: Sequence[Kept]) -> bytes:
    """A page of some files."""
    table = _Table()
    rows = [[kept.blob, *_file(kept.result, table)] for kept in files]
    common = [table.vars.values, table.keys.values, table.words.values]
    return orjson.dumps([common, [list(column) for column in zip(*table.hosts, strict=True)], table.unusual, rows])


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
        common, columns, unusual, rows = orjson.loads(page)
        self.seen += len(rows)
        wanted = [blobs.get(path) == blob for blob, path, *_ in rows]
        if not any(wanted):
            return
        paths = chain.from_iterable(repeat(path, many) for _, path, _, _, many, *_ in rows)
        hosts = self._hosts(common, columns, paths, unusual) if columns else []
        ends = accumulate(row[4] for row in rows)
        for (blob, path, size, count, many, *rest), end in compress(zip(rows, ends, strict=True), wanted):
            own = tuple(hosts[end - many : end])
            yield Kept(blob, FileResult(path, size, count, own, *(_rest(path, rest[0]) if rest else ())))

    def _hosts(
        self, common: list[Any], columns: list[list[Any]], paths: Iterable[str], unusual: list[list[Any]]
    ) -> list[HostDocument]:
        """Runs for every host there is, so whole columns are put together at once, and nothing is done twice."""
        variables = [*map(self._vars.of, common[0])]
        words = [self._words.setdefault(word, word) for word in common[2]]
        names, lines, starts, addresses, of_vars, of_keys, of_words = columns
        places = map(_place, zip(paths, lines, starts, strict=True))
        labels = [
            dict(zip(keys, map(words.__getitem__, values), strict=True))
            for keys, values in zip(map(common[1].__getitem__, of_keys), of_words, strict=True)
        ]
        usual = map(repeat, (22, "", "ssh", False, ""))
        values = zip(names, places, labels, addresses, *usual, map(variables.__getitem__, of_vars), strict=False)
        documents = [*map(_document, zip(map(_host, values), repeat(None), strict=False))]
        for number, port, user, connection, become, root, at in unusual:
            host = documents[number].host
            rest = {"port": port, "user": user, "connection": connection, "become": become, "root": root}
            place = Place(host.place.path, *at) if at else None
            documents[number] = HostDocument(host._replace(**rest), place)
        return documents


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
    """The hosts of a page, and what they have in common: vars, the keys of their labels, the words in their labels.

    `unusual` are those that don't have the usual port and way in, by number.
    """

    def __init__(self) -> None:
        self.vars, self.keys, self.words = _Numbers(), _Numbers(), _Numbers()
        self.hosts: list[tuple[Any, ...]] = []
        self.unusual: list[list[Any]] = []

    def add(self, document: HostDocument) -> None:
        host = document.host
        rest = [host.port, host.user, host.connection, host.become, host.root]
        if rest != [22, "", "ssh", False, ""] or document.connection is not None:
            at = _at(document.connection) if document.connection else None
            self.unusual.append([len(self.hosts), *rest, at])
        variables = self.vars.of(orjson.dumps(host.vars), host.vars)
        keys = self.keys.of(tuple(host.labels), list(host.labels))
        words = [self.words.of(word, word) for word in host.labels.values()]
        self.hosts.append((host.name, *_at(host.place), host.address, variables, keys, words))


def _file(result: FileResult, table: _Table) -> list[Any]:
    """Nothing but hosts is the usual case; then the rest is left out."""
    for document in result.hosts:
        table.add(document)
    row = [result.path, result.size, result.count, len(result.hosts)]
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


def _at(place: Place) -> tuple[int, int]:
    return place.line, place.column


def _problem(p: Problem) -> list[Any]:
    return [*_at(p.place), p.reason, p.message, p.document, p.hint, p.severity, p.width]
