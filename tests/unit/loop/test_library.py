"""A revision costs the files that differ: counted as blobs that are read and files that are parsed."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha1

import pytest

from reconciler.core.parsing.join import join
from reconciler.core.parsing.limits import DEFAULT, Limits
from reconciler.core.parsing.parse import Parser, parse, parse_file
from reconciler.loop import library as module
from reconciler.loop.library import Library
from reconciler.model.document import Documents
from reconciler.ports import Revision, Tree
from tests.sample import SERVICE, host, many, project, registry, service

REVISION = Revision("0" * 40, "", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Blobs:
    """The part of a source that a library needs."""

    content: dict[str, bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def tree(self, files: dict[str, str]) -> Tree:
        ids = {path: sha1(text.encode()).hexdigest() for path, text in sorted(files.items())}
        self.content.update({ids[path]: text.encode() for path, text in files.items()})
        return Tree(REVISION, ids)

    def read(self, blob: str, limit: int) -> bytes | None:
        self.reads.append(blob)
        return self.content[blob] if len(self.content[blob]) <= limit else None


@dataclass
class Memory:
    """A cache that loses nothing."""

    kept: list[bytes] = field(default_factory=list)

    def pages(self) -> Iterator[bytes]:
        yield from self.kept

    def add(self, pages: Sequence[bytes]) -> None:
        self.kept += pages

    def replace(self, pages: Sequence[bytes]) -> None:
        self.kept = list(pages)


FILES = {f"hosts/{i:03}.yaml": many(host(f"a{i}"), host(f"b{i}", "role: db")) for i in range(100)}
FILES |= {"s.yaml": SERVICE, "p.yaml": project("web"), "base.yml": service("base"), "files/x.j2": "x"}
CHANGED = FILES | {"hosts/007.yaml": host("new")}


def a_library(source: Blobs, cache: Memory | None = None, limits: Limits = DEFAULT) -> Library:
    return Library(source, Parser(registry(), limits), cache)


def carefully(files: dict[str, str]) -> Documents:
    """The same documents by the careful way, all at once."""
    return join(parse_file(path, text.encode(), registry()) for path, text in _yaml(files))


def _yaml(files: dict[str, str]) -> list[tuple[str, str]]:
    return sorted((path, text) for path, text in files.items() if not path.endswith(".j2"))


def counts(library: Library) -> tuple[int, int, int]:
    return library.read, library.parser.parsed, library.restored


def test_the_first_revision_reads_each_file_once() -> None:
    source = Blobs()
    library = a_library(source)
    assert library.documents(source.tree(FILES)) == carefully(FILES)
    assert counts(library) == (103, 103, 0)


def test_a_commit_that_touches_one_file_reads_and_parses_one() -> None:
    source = Blobs()
    library = a_library(source)
    before = library.documents(source.tree(FILES))
    assert library.documents(source.tree(CHANGED)) == carefully(CHANGED) != before
    assert counts(library) == (104, 104, 0)
    assert library.documents(source.tree(CHANGED)) == carefully(CHANGED)
    assert counts(library) == (104, 104, 0)


def test_a_file_that_is_gone_or_has_moved() -> None:
    source = Blobs()
    library = a_library(source)
    library.documents(source.tree(FILES))
    moved = {("moved.yaml" if path == "hosts/001.yaml" else path): text for path, text in FILES.items()}
    del moved["hosts/002.yaml"]
    found = library.documents(source.tree(moved))
    assert found == carefully(moved)
    assert found.hosts["a1"].host.place.path == "moved.yaml"
    assert counts(library) == (104, 104, 0)


def test_a_restart_reads_nothing_that_is_kept() -> None:
    source, cache = Blobs(), Memory()
    a_library(source, cache).documents(source.tree(FILES))
    source.reads.clear()
    later = a_library(source, cache)
    assert later.documents(source.tree(CHANGED)) == carefully(CHANGED)
    assert (counts(later), len(source.reads)) == ((1, 1, 102), 1)
    last = a_library(source, cache)
    assert last.documents(source.tree(CHANGED)) == carefully(CHANGED)
    assert counts(last) == (0, 0, 103)


TEMPLATE = (
    service("t", "vars: {}").split("spec:")[0]
    + """\
spec:
  hosts: {matchLabels: {role: web}}
  resources:
    - file: /etc/x
      template: files/x.yaml
"""
)
WAYS = {
    "the same": FILES,
    "a service says something else": FILES | {"base.yml": service("base", "owner: x")},
    "a service has another name": FILES | {"base.yml": service("other")},
    "two services have the same name": FILES | {"base.yml": service("edge"), "s.yaml": service("edge")},
    "a service can't be read": FILES | {"base.yml": "apiVersion: [reconciler"},
    "a service is wrong": FILES | {"base.yml": service("base", "nonsense: 1")},
    "a service defines a host": FILES | {"base.yml": many(service("base"), host("new"))},
    "a service defines a host that is there": FILES | {"base.yml": many(service("base"), host("a1"))},
    "a service is a host that is wrong and there": FILES | {"base.yml": host("a1", spec="address: [1]")},
    "a host is wrong": FILES | {"hosts/001.yaml": many(host("a1"), host("b1", spec="address: [1]"))},
    "a host says something else": CHANGED,
    "nothing is in a file": FILES | {"base.yml": ""},
    "a file is of somebody else": FILES | {"base.yml": "x: {{ y }}"},
    "a file is a template": FILES | {"base.yml": TEMPLATE, "files/x.yaml": "x: {{ y }}"},
    "a file is a template no more": FILES | {"base.yml": service("base"), "files/x.yaml": "x: {{ y }}"},
    "a template says something else": FILES | {"base.yml": TEMPLATE, "files/x.yaml": "x: {{ zz }}"},
}


@pytest.mark.parametrize("limits", [DEFAULT, Limits(total_bytes=sum(map(len, FILES.values())) + 10)])
@pytest.mark.parametrize("before", WAYS)
def test_from_every_revision_to_every_other_it_says_what_is_said_from_nothing(before: str, limits: Limits) -> None:
    source = Blobs()
    for after, files in WAYS.items():
        library = a_library(source, limits=limits)
        library.documents(source.tree(WAYS[before]))
        found = library.documents(source.tree(files))
        fresh = parse(((path, text.encode()) for path, text in _yaml(files)), registry(), limits)
        # Of a file beyond the total that was read when it was not beyond it, it is still known what it refers to.
        known = found.references if limits is not DEFAULT else fresh.references
        assert found == replace(fresh, references=known), after


@pytest.mark.parametrize("restarted", [True, False])
def test_the_cache_does_not_grow_with_what_is_gone(monkeypatch: pytest.MonkeyPatch, restarted: bool) -> None:
    monkeypatch.setattr(module, "PAGE", 10)
    source, cache = Blobs(), Memory()
    library = a_library(source, cache)
    sizes = []
    for i in range(12):
        files = {path: text.replace("metadata: {name: ", f"metadata: {{name: v{i}-") for path, text in FILES.items()}
        library = a_library(source, cache) if restarted else library
        assert library.documents(source.tree(files)) == carefully(files)
        sizes.append(sum(map(len, cache.kept)))
    assert max(sizes) < 4 * sizes[0] < sum(sizes)
    last = a_library(source, cache)
    last.documents(source.tree(files))
    assert counts(last) == (0, 0, len(_yaml(FILES)))


def test_hosts_are_indexed_again_only_when_one_has_changed() -> None:
    source = Blobs()
    library = a_library(source)

    def index(files: dict[str, str], *, allow_local: bool = False) -> object:
        documents = library.documents(source.tree(files))
        return library.linked(documents, registry(), allow_local=allow_local).indexed

    first = index(FILES)
    assert index(FILES | {"base.yml": service("base", "owner: x")}) is first
    second = index(CHANGED)
    assert second is not first
    assert index(CHANGED, allow_local=True) is not second


def test_linking_again_says_the_same_as_linking_for_the_first_time() -> None:
    source = Blobs()
    library = a_library(source)
    for files in (FILES, CHANGED, FILES | {"s.yaml": service("edge", "requires: [zz]")}, FILES):
        again = library.linked(library.documents(source.tree(files)), registry(), allow_local=False)
        fresh = a_library(source)
        once = fresh.linked(fresh.documents(source.tree(files)), registry(), allow_local=False)
        assert (again.hosts, again.services, again.held, again.problems) == (
            once.hosts,
            once.services,
            once.held,
            once.problems,
        )


def test_what_is_beyond_the_total_is_counted_and_not_kept() -> None:
    limits = Limits(total_bytes=2_000)
    source, cache = Blobs(), Memory()
    tree = source.tree(FILES)
    found = a_library(source, cache, limits).documents(tree)
    assert found == parse(((path, text.encode()) for path, text in _yaml(FILES)), registry(), limits)
    assert [p.reason for p in found.problems] == ["repository-too-large"]
    again = a_library(source, cache, limits)
    assert again.documents(tree) == found
    assert (again.restored, again.read) == (len(FILES) - 1 - again.read, again.read)
    assert again.parser.parsed == 0


def test_the_collector_is_as_it_was() -> None:
    source = Blobs()
    library = a_library(source)
    library.linked(library.documents(source.tree(FILES)), registry(), allow_local=False)
    assert gc.isenabled()


def test_a_revision_that_could_not_be_read_leaves_nothing_of_itself() -> None:
    source = Blobs()
    library = a_library(source)
    library.documents(source.tree(FILES))
    torn = source.tree(FILES | {"base.yml": service("base", "owner: x"), "p.yaml": project("torn")})
    lost = source.content.pop(torn.blobs["p.yaml"])
    with pytest.raises(KeyError):
        library.documents(torn)
    source.content[torn.blobs["p.yaml"]] = lost
    files = FILES | {"p.yaml": project("other")}
    assert library.documents(source.tree(files)) == a_library(Blobs(source.content)).documents(source.tree(files))
    assert library.documents(torn) == a_library(Blobs(source.content)).documents(torn)
