"""Files of the state repository to documents, each file on its own.

Its result depends on nothing but the file's path and bytes and the kinds, so it can be kept for as long as these are
the same. Must not know Git.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.core.interning import InternedVars
from reconciler.core.parsing.check import Checked, check, plain_host
from reconciler.core.parsing.documents import API_VERSION
from reconciler.core.parsing.join import join
from reconciler.core.parsing.limits import DEFAULT, Limits
from reconciler.core.parsing.parsed import Few, FileResult, Name
from reconciler.core.parsing.sops import VAULT, is_sops
from reconciler.core.parsing.stencil import Read, Stencils, documents
from reconciler.core.parsing.text import Unreadable, decode, too_large
from reconciler.core.parsing.yaml import read
from reconciler.kinds import Registry
from reconciler.model.document import Documents, HostDocument
from reconciler.model.key import Place
from reconciler.model.problem import Problem

_OURS = API_VERSION.encode()


def parse(blobs: Iterable[tuple[str, bytes | None]], registry: Registry, limits: Limits = DEFAULT) -> Documents:
    """All documents of a revision, from the paths and bytes of its YAML files (None: larger than the limit).

    Never raises for what is in them.
    """
    return join(_parse_each(blobs, Parser(registry, limits)), limits)


def parse_file(path: str, data: bytes | None, registry: Registry, limits: Limits = DEFAULT) -> FileResult:
    """One file, a pure function of its arguments: read with all places, so that it can say what is wrong.

    One that is encrypted holds secrets and no documents.
    """
    if data is None:
        return FileResult(path, limits.file_bytes, 1, opaque=True, problems=(too_large(path, limits),))
    if data.startswith(VAULT):
        return FileResult(path, len(data))
    raw = read(path, data, limits)
    if _OURS not in data and raw.problem is None and any(is_sops(document.value) for document in raw.documents):
        return FileResult(path, len(data))
    checked = [check(document, raw.text, registry) for document in raw.documents]
    problems = [p for c in checked for p in c.problems] + ([raw.problem] if raw.problem else [])
    return FileResult(
        path=path,
        size=len(data),
        count=len(checked) + (raw.problem is not None),
        hosts=tuple(c.document for c in checked if isinstance(c.document, HostDocument)),
        documents=tuple(c.document for c in checked if isinstance(c.document, Few)),
        unusable=tuple((_name(c), c.place) for c in checked if c.name and c.document is None),
        opaque=raw.problem is not None or any(not c.name for c in checked),
        foreign=_OURS not in data,
        references=frozenset[str]().union(*(c.references for c in checked)),
        problems=_capped(problems, limits),
    )


class Parser:
    """Gives what `parse_file` gives, sooner where a file holds only usable hosts; many files share what they say alike.

    `parsed` counts files.
    """

    def __init__(self, registry: Registry, limits: Limits) -> None:
        self.limits = limits
        self.parsed = 0
        self._registry = registry
        self._stencils = Stencils(limits)
        self._vars = InternedVars()

    def file(self, path: str, data: bytes | None) -> FileResult:
        """What a file says (None: it's larger than the limit)."""
        self.parsed += 1
        hosts = self._hosts(path, data) if data is not None else None
        if data is None or hosts is None:
            return parse_file(path, data, self._registry, self.limits)
        return FileResult(path, len(data), len(hosts), tuple(hosts))

    def unread(self, path: str, size: int) -> FileResult:
        """A file that is left out, as what comes before it is too much already."""
        return FileResult(path, size, 1, opaque=True)

    def _hosts(self, path: str, data: bytes) -> list[HostDocument] | None:
        """The hosts of a file with nothing else in it and nothing wrong with it; None where it isn't for certain."""
        if b"kind: Host" not in data:
            return None
        try:
            texts = documents(decode(path, data, self.limits).content)
        except Unreadable:
            return None
        hosts: list[HostDocument] = []
        lines = nodes = 0
        for text in texts:
            found = self._stencils.read(text)
            host = self._host(path, found, lines) if found else None
            if found is None or host is None:
                return None
            hosts.append(host)
            lines += found.lines + 2
            nodes += found.nodes
        within = len(hosts) <= self.limits.documents and nodes <= self.limits.nodes
        return hosts if within else None

    def _host(self, path: str, found: Read, lines: int) -> HostDocument | None:
        if found.value.get("kind") != "Host":
            return None
        return plain_host(found.value, Place(path, lines + found.line, found.column), self._vars)


def _parse_each(blobs: Iterable[tuple[str, bytes | None]], parser: Parser) -> Iterator[FileResult]:
    """What comes after the total is used up is counted but not parsed; `join` says so."""
    total = 0
    for path, data in blobs:
        total += parser.limits.file_bytes if data is None else len(data)
        if total > parser.limits.total_bytes and data is not None:
            yield parser.unread(path, len(data))
        else:
            yield parser.file(path, data)


def _capped(problems: list[Problem], limits: Limits) -> tuple[Problem, ...]:
    """One hostile file must not fill the report."""
    if len(problems) <= limits.problems:
        return tuple(problems)
    ordered = sorted(problems)
    kept, first_left_out = ordered[: limits.problems], ordered[limits.problems]
    message = "more problems in this file, from here on, are not shown"
    return (*kept, replace(first_left_out, reason="too-many-problems", message=message, hint="", width=0))


def _name(checked: Checked) -> Name:
    return checked.kind, checked.name
