"""What is kept of a file comes back as it was, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given

from reconciler.core.parsing.parse import parse_file
from reconciler.core.parsing.parsed_json import Kept, Pages, to_page
from tests.properties.test_parsing import FILES as BROKEN
from tests.properties.test_parsing import YAMLISH
from tests.properties.test_stencils import FILES
from tests.sample import HOST, SERVICE, host, many, project, registry

REGISTRY = registry()
FULL = many(
    HOST,
    SERVICE,
    host("all", spec="address: a, port: 23, user: u, become: true, vars: {a: [1, 1.5, true, {b: c}]}"),
    host("me", spec="connection: local, root: /srv"),
    project("p", "owners: [a], paths: [x, y], hosts: {matchLabels: {a: b}}, kinds: [file], limits: {deletes: 3}"),
    project("q"),
)


def _comes_back(text: str) -> None:
    results = [parse_file(path, text.encode(), REGISTRY) for path in ("a.yaml", "é/b.yaml")]
    page = to_page([Kept(f"blob of {result.path}", result) for result in results])
    wanted = {result.path: f"blob of {result.path}" for result in results}
    assert [kept.result for kept in Pages().wanted(page, wanted)] == results


@given(FILES)
def test_hosts_come_back(text: str) -> None:
    _comes_back(text)


@given(YAMLISH)
def test_anything_comes_back(text: str) -> None:
    _comes_back(text)


@pytest.mark.parametrize("text", [FULL, "", *BROKEN.values()])
def test_every_kind_of_document_comes_back(text: str) -> None:
    _comes_back(text)


def test_the_places_of_a_service_come_back() -> None:
    result = parse_file("a.yaml", SERVICE.encode(), REGISTRY)
    (kept,) = Pages().wanted(to_page([Kept("b", result)]), {"a.yaml": "b"})
    before, after = result.documents[0].marks, kept.result.documents[0].marks
    assert dict(after) == dict(before)
    assert len(after) > 100


def test_only_what_is_wanted_comes_back() -> None:
    page = to_page([Kept(f"b{i}", parse_file(f"{i}.yaml", HOST.encode(), REGISTRY)) for i in range(4)])
    pages = Pages()
    found = list(pages.wanted(page, {"1.yaml": "b1", "2.yaml": "other", "b3": "3.yaml"}))
    assert [(kept.blob, kept.result.path) for kept in found] == [("b1", "1.yaml")]
    assert pages.seen == 4


def test_equal_values_of_several_pages_are_one_object() -> None:
    texts = [host(f"h{i}", "site: lon", "address: a, vars: {n: 1}") for i in range(4)]
    results = [parse_file(f"{i}.yaml", text.encode(), REGISTRY) for i, text in enumerate(texts)]
    pages = Pages()
    blobs = {result.path: "b" for result in results}
    found = [d.host for r in results for k in pages.wanted(to_page([Kept("b", r)]), blobs) for d in k.result.hosts]
    assert len(found) == 4
    assert len({id(h.vars) for h in found}) == len({id(h.labels["site"]) for h in found}) == 1
