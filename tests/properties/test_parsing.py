"""Parsing takes anything: it never raises, and says the same whatever the order of files."""

from __future__ import annotations

import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.linking.link import link
from reconciler.core.parsing.parse import parse
from reconciler.core.parsing.scalars import resolve
from reconciler.model.document import Documents
from tests.sample import HOST, host, many, project, registry, service

REGISTRY = registry()

WORDS = st.sampled_from(
    [
        "apiVersion",
        "reconciler/v1",
        "kind",
        "Host",
        "Service",
        "metadata",
        "name",
        "spec",
        "hosts",
        "resources",
        "vars",
        "file",
        "package",
        "mode",
        "requires",
        "rollout",
        "{{x}}",
        "ansible_x",
        "a",
        "&a",
        "*a",
        "<<",
        "!t",
        "~",
    ]
)
SYNTAX = st.sampled_from(
    [": ", ":\n  ", "- ", "\n", "\n  ", "[", "]", "{", "}", ", ", "? ", "---\n", "|\n", "'", '"', "#", "\t"]
)
YAMLISH = st.lists(WORDS | SYNTAX | st.text(max_size=3), max_size=40).map("".join)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
KEYS = st.sampled_from(
    ["address", "hosts", "requires", "resources", "vars", "rollout", "owner", "paths", "kinds", "limits", "heal"]
)
DOCUMENTS = st.fixed_dictionaries(
    {"apiVersion": st.just("reconciler/v1"), "kind": st.sampled_from(["Host", "Service", "Project"])},
    optional={
        "metadata": st.fixed_dictionaries({"name": st.sampled_from(["a", "b"]) | VALUES}) | VALUES,
        "spec": st.dictionaries(KEYS, VALUES, max_size=4) | VALUES,
    },
)

FILES = {
    "a.yaml": many(HOST, host("x", spec="adress: y"), service("a", "requires: [b, zz]")),
    "b.yaml": many(service("b", "requires: [a]"), service("c", project="p"), HOST),
    "c.yaml": many(project("p", "hosts: {matchLabels: {role: db}}"), service("d", "requires: [c, e]")),
    "d.yaml": "a: [",
    "e.yaml": service("e", "resources: [{file: /x, mode: 0644, mod: 1}, {zz: 1}]"),
}


def _parsed(data: bytes) -> Documents:
    found = parse([("a.yaml", data), ("b.yaml", HOST.encode())], REGISTRY)
    link(found, REGISTRY, allow_local=True)
    assert (not found.problems) == (not found.broken)
    return found


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    _parsed(data)


@given(st.text(max_size=100) | YAMLISH)
def test_any_text(text: str) -> None:
    _parsed(text.encode("utf-8", "surrogatepass"))


@given(DOCUMENTS)
@settings(max_examples=300)
def test_any_document(document: dict[str, object]) -> None:
    _parsed(json.dumps(document).encode())


@given(st.permutations(list(FILES)))
def test_the_order_of_files_changes_nothing(order: list[str]) -> None:
    def said(names: list[str]) -> object:
        found = link(parse(((n, FILES[n].encode()) for n in names), REGISTRY), REGISTRY, allow_local=False)
        return found.problems, found.held, found.broken, list(found.services), list(found.hosts)

    assert said(order) == said(list(FILES))


@given(st.recursive(st.integers(-9, 9) | st.booleans() | st.text("ab é:#-'\"", max_size=6), st.lists, max_leaves=8))
def test_values_come_back_as_they_were_written(value: object) -> None:
    text = many(HOST, service("a")) + "  vars: " + json.dumps({"v": value}, ensure_ascii=False) + "\n"
    assert _parsed(text.replace("web-1", "web-2").encode()).services["a"].vars == {"v": value}


@given(st.text("0123456789+-.eExXoO_:~nul", max_size=8))
def test_a_plain_scalar_is_text_or_what_yaml_says_too(text: str) -> None:
    """Where both versions of YAML see a decimal number, they see the same one."""
    try:
        ours = resolve(text)
    except ValueError:
        return
    if text.isdigit() and not text.startswith("0"):
        assert ours == yaml.safe_load(text)
    assert isinstance(ours, str | int | float | None)
