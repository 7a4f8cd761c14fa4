"""The fast way to read hosts says what the careful one says, whatever the file: it only ever gives up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.parsing import parse as module
from reconciler.core.parsing.limits import DEFAULT, Limits
from reconciler.core.parsing.parse import Parser, parse_file
from tests.sample import HOST, host, many, registry, service

REGISTRY = registry()

VALUES = [
    "a", "web-1", "1", "012", "1.5", "1e3", "0x1f", "true", "False", "null", "~", "", "-1", ".5", "a b", "a,b", "a:b",
    "a: b", "a #b", "a#b", "#", '"a"', '"a: b"', '"#"', '""', '"a', 'a"', "'a'", "'a", "[a]", "[a, b]", '["a"]', "[]",
    "{}", "{a: b}", "{a}", "{ a : b }", "[a: b]", "&x a", "*x", "!!str 1", "|\n  a", "> a", "a\n    b", "9" * 20,
    '"{{ x }}"', "a-", "no", "2026-01-01", "\u00e9", "ansible_x", "- a", "\n    - a\n    - b", "? a", "%a", "w0000001w",
    '"a "b', '"x ", y: "z"',
]  # fmt: skip
VALUE = st.sampled_from(VALUES)
KEY = st.sampled_from(["a", "role", "ansible_a", "1", "<<", '"q"', "example.com/x", "site"])
PAIRS = st.lists(st.tuples(KEY, VALUE), max_size=3)
FLOW = PAIRS.map(lambda pairs: "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}")
BLOCK = PAIRS.map(lambda pairs: "".join(f"\n    {k}: {v}" for k, v in pairs))
MAPPING = FLOW | BLOCK
SPEC = st.tuples(
    st.sampled_from(["address", "user", "port", "become", "connection", "vars", "adress"]),
    st.sampled_from(["192.0.2.1", "22", "true", "ssh", "local", "root", "a.example.com", "1.2.3.4.5", "::1"]) | VALUE,
)


@st.composite
def hosts(draw: st.DrawFn) -> str:
    """A host's document, often a good one."""
    spec = [("address", "192.0.2.1"), *draw(st.lists(SPEC, max_size=2))]
    name = draw(st.sampled_from(["web-1", "web-2", '"web-3"']) | VALUE)
    lines = [
        draw(st.sampled_from(["", "", "# note\n", "---\n", "\n"])) + "apiVersion: reconciler/v1",
        "kind: " + draw(st.sampled_from(["Host", "Host", "Host # x", "Service", '"Host"'])),
        draw(
            st.sampled_from(
                [
                    f"metadata: {{name: {name}, labels: {draw(FLOW)}}}",
                    f"metadata: {{labels: {draw(FLOW)}, name: {name}}}",
                    f"metadata:\n  name: {name}\n  labels: {draw(MAPPING)}",
                    f"metadata:\n  labels: {draw(MAPPING)}\n  name: {name}",
                ]
            )
        ),
        "spec:" + "".join(f"\n  {k}: {v}" for k, v in spec) + f"\n  vars: {draw(MAPPING)}",
    ]
    return "\n".join(lines) + "\n"


FILES = st.lists(hosts(), min_size=1, max_size=4).flatmap(
    lambda all: st.sampled_from(["---\n", "--- \n", "...\n---\n", "---\n---\n", "--- # x\n"]).map(lambda s: s.join(all))
)


@given(st.lists(FILES, min_size=1, max_size=3))
@settings(max_examples=500)
def test_both_ways_agree(texts: list[str]) -> None:
    parser = Parser(REGISTRY, DEFAULT)
    for i, text in enumerate(texts):
        data = text.encode()
        assert parser.file(f"{i}.yaml", data) == parse_file(f"{i}.yaml", data, REGISTRY)


@given(VALUE, VALUE, st.sampled_from(["{a: %s}", "\n    a: %s", "[%s, x]", "\n    b: x\n    a: %s  # %s"]))
def test_a_stencil_learned_from_one_document_is_right_for_another(first: str, second: str, shape: str) -> None:
    parser = Parser(REGISTRY, DEFAULT)
    for value in (first, second, first):
        data = host("a", spec="address: b").replace("spec: {address: b}", "spec:\n  address: b\n  vars: ")
        data += shape.replace("%s", value) + "\n"
        assert parser.file("a.yaml", data.encode()) == parse_file("a.yaml", data.encode(), REGISTRY)


@pytest.mark.parametrize("text", [HOST, many(HOST, host("x"), host("y", 'a: "b", c: d # no\n')), "# c\n" + HOST])
def test_plain_hosts_take_the_fast_way(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    careful = parse_file("a.yaml", text.encode(), REGISTRY)
    monkeypatch.setattr(module, "parse_file", None)
    assert Parser(REGISTRY, DEFAULT).file("a.yaml", text.encode()) == careful
    assert careful.hosts


@pytest.mark.parametrize(
    "limits",
    [Limits(documents=2), Limits(nodes=40), Limits(file_bytes=300), Limits(depth=2), Limits(documents=3, nodes=57)],
)
def test_limits_are_the_same(limits: Limits) -> None:
    data = many(HOST, host("x"), host("y")).encode()
    assert Parser(REGISTRY, limits).file("a.yaml", data) == parse_file("a.yaml", data, REGISTRY, limits)


def test_other_documents_are_read_with_care() -> None:
    data = many(HOST, service("a")).encode()
    assert Parser(REGISTRY, DEFAULT).file("a.yaml", data) == parse_file("a.yaml", data, REGISTRY)


def test_equal_vars_are_one_object_and_others_are_not() -> None:
    texts = [
        host(f"h{i}", spec=f"address: b, vars: {{a: {v}}}") for i, v in enumerate(["1", "true", "1", '"1"', "1.0"])
    ]
    found = Parser(REGISTRY, DEFAULT).file("a.yaml", many(*texts).encode())
    values = [d.host.vars for d in found.hosts]
    assert [repr(v["a"]) for v in values] == ["1", "True", "1", "'1'", "1.0"]
    assert (values[0] is values[2], len({id(v) for v in values})) == (True, 4)
