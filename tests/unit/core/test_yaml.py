"""Values, places, and where reading stops."""

from __future__ import annotations

import pickle

import pytest

from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.yaml import RawFile, read
from reconciler.model.key import Place


def of(text: str, **limits: int) -> RawFile:
    return read("a.yaml", text.encode(), Limits(**limits))


def test_values() -> None:
    raw = of('a: {b: [1, "2", x]}\nc: |\n  text\nd: >-\n  one\n  two\n"<<": 1\ne: !!str 1\nf: !!int 2\ng: ! 3\n')
    document = raw.documents[0]
    assert (raw.problem, document.problems) == (None, ())
    assert document.value == {
        "a": {"b": [1, "2", "x"]}, "c": "text\n", "d": "one two", "<<": 1, "e": "1", "f": 2, "g": "3",
    }  # fmt: skip


def test_every_value_and_key_has_a_place() -> None:
    marks = of("é: [1%, x]\nb:\n  c: true\n").documents[0].marks
    assert {"/".join(map(str, path)): (p.line, p.column) for path, p in marks.items()} == {
        "": (1, 1), "é/~key": (1, 1), "é": (1, 4), "é/0": (1, 5), "é/1": (1, 9),
        "b/~key": (2, 1), "b": (3, 3), "b/c/~key": (3, 3), "b/c": (3, 6),
    }  # fmt: skip
    assert marks[("b", "c")] == Place("a.yaml", 3, 6)
    assert (marks.width(("b", "c")), marks.width(("é",)), marks.width(("b",))) == (4, 7, 0)
    assert len(marks) == 9
    assert ("b", "z") not in marks
    assert ("b", "c", "~key", "~key") not in marks
    assert dict(marks.under(("b",))) == {
        (): Place("a.yaml", 3, 3), ("c", "~key"): Place("a.yaml", 3, 3), ("c",): Place("a.yaml", 3, 6),
    }  # fmt: skip
    assert marks.nearest(("b", "z", 1)) == ("b",)
    assert dict(pickle.loads(pickle.dumps(marks))) == dict(marks)


def test_aliases_are_followed_and_stand_where_they_are_written() -> None:
    document = of("a: &x {k: 1}\nb: *x\nc: &y t\nd: [*y, *x]\n").documents[0]
    assert document.value == {"a": {"k": 1}, "b": {"k": 1}, "c": "t", "d": ["t", {"k": 1}]}
    assert document.marks[("b",)] == Place("a.yaml", 2, 4)
    assert document.marks[("b", "k")] == Place("a.yaml", 1, 11)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n---\n# x\n", "---\n...\n", "~\n"])
def test_nothing_written_is_nothing(text: str) -> None:
    assert (of(text).documents, of(text).problem) == ((), None)


CASES = [
    # text, reason, line, column, part of the hint
    ("a: 1\nb:\n\tc: 1\n", "tab", 3, 1, "spaces"),
    ("a: b: c\n", "yaml-syntax", 1, 5, "quotes"),
    ("a: @x\n", "yaml-syntax", 1, 4, "quotes"),
    ("a: [1\nb: 2\n", "yaml-syntax", 2, 2, "close the bracket"),
    ('a: "x', "yaml-syntax", 1, 6, "close the quotes"),
    ("- a\nb: 1\n", "yaml-syntax", 2, 1, "indentation"),
    ('a: "\\q"\n', "yaml-syntax", 1, 5, "backslash"),
    ('a: "\\ud800"\n', "yaml-syntax", 1, 7, "quotes"),
    ("%YAML 2.0\n---\na: 1\n", "yaml-syntax", 1, 1, ""),
    ("%TAG ! tag:x,2000:\n---\na: 1\n", "custom-tag", 1, 1, "remove the line"),
    ("a: 1\nb: x\0y\n", "control-character", 2, 5, "escaped"),
    ("a: 1\nb: \x1b[31m\n", "control-character", 2, 4, "\\u001b"),
    ("a: 1\nb: x\u2028y\n", "control-character", 2, 5, "escaped"),
    ("a: 1\nb: x\u202ey\n", "control-character", 2, 5, "escaped"),
    ("\ufeffa: 1\n", "byte-order-mark", 1, 1, "without BOM"),
    ("a: " + "[" * 64 + "\n", "too-deep", 1, 67, "less nesting"),
    ("- " * 65 + "x\n", "too-deep", 1, 129, "less nesting"),
    ("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a", "too-deep", 2, 44, "less nesting"),
]


@pytest.mark.parametrize(("text", "reason", "line", "column", "hint"), CASES)
def test_files_that_cant_be_read_on(text: str, reason: str, line: int, column: int, hint: str) -> None:
    raw = of(text)
    assert raw.documents == ()
    assert raw.problem is not None
    assert (raw.problem.reason, raw.problem.place) == (reason, Place("a.yaml", line, column))
    assert hint in raw.problem.hint


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"a: 1\nb: \xc3\xa9\xff\n", 2, 5, "0xff"),
        (b"\x80", 1, 1, "0x80"),
        (b"\xff\xfea\0:\0", 1, 1, "UTF-16"),
        (b"a: \xed\xa0\x80", 1, 4, "0xed"),
    ],
)
def test_bytes_that_are_not_utf8(data: bytes, line: int, column: int, message: str) -> None:
    problem = read("a.yaml", data, Limits()).problem
    assert problem is not None
    assert (problem.reason, problem.place) == ("invalid-utf8", Place("a.yaml", line, column))
    assert message in problem.message


IN_DOCUMENT = [
    ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1, "line 1, column 1"),
    ("a: {b: 1, b: 2}\n", "duplicate-key", 1, 11, "line 1, column 5"),
    ("1: a\n", "bad-key", 1, 1, 'in quotes: "1"'),
    ("true: a\n", "bad-key", 1, 1, 'in quotes: "true"'),
    ("? [a]\n: b\n", "bad-key", 1, 3, "needs quotes"),
    ("a: {{ vars.x }}\n", "bad-key", 1, 5, "{{"),
    ("<<: {a: 1}\n", "merge-key", 1, 1, "write the fields out"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "merge-key", 3, 3, "write the fields out"),
    ("a: !vault x\n", "custom-tag", 1, 4, "plain value"),
    ("a: !!python/object:os.system x\n", "custom-tag", 1, 4, "plain value"),
    ("a: !!int x\n", "custom-tag", 1, 4, "plain value"),
    ("a: !!set {b: 1}\n", "custom-tag", 1, 4, "plain value"),
    ("a: *x\n", "bad-alias", 1, 4, "anchor"),
    ("a: &x [*x]\n", "bad-alias", 1, 8, "anchor"),
    ("a: .inf\n", "bad-number", 1, 4, "quotes"),
    ("a: 99999999999999999999\n", "bad-number", 1, 4, "quotes"),
]


@pytest.mark.parametrize(("text", "reason", "line", "column", "hint"), IN_DOCUMENT)
def test_what_yaml_allows_and_we_refuse(text: str, reason: str, line: int, column: int, hint: str) -> None:
    raw = of(text)
    assert raw.problem is None
    (problem,) = raw.documents[0].problems
    assert (problem.reason, problem.place) == (reason, Place("a.yaml", line, column))
    assert hint in problem.hint


def test_the_first_of_duplicate_keys_is_kept() -> None:
    assert of("a: 1\nb: 2\na: 3\n").documents[0].value == {"a": 1, "b": 2}


def test_documents_before_an_error_survive() -> None:
    raw = of("a: 1\n---\nb: 2\n---\nc: [\n---\nd: 4\n")
    assert [d.value for d in raw.documents] == [{"a": 1}, {"b": 2}]
    assert raw.problem is not None
    assert raw.problem.place.line == 6


def test_anchors_end_with_their_document() -> None:
    assert of("a: &x 1\n---\nb: *x\n").documents[1].problems[0].reason == "bad-alias"


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        ("a: 1\n---\na: 2\n---\na: 3\n", {"documents": 2}, "too-many-documents"),
        ("[1, 2, 3, 4, 5]", {"nodes": 5}, "too-many-values"),
        ("a: &x [1, 2, 3]\nb: [*x, *x, *x]\n", {"nodes": 15}, "alias-bomb"),
        ("a: &x xxxxxxxxxx\nb: [*x, *x, *x]\n", {"expanded_bytes": 35}, "alias-bomb"),
        ("a: 12345\n", {"file_bytes": 5}, "file-too-large"),
    ],
)
def test_budgets(text: str, limits: dict[str, int], reason: str) -> None:
    problem = of(text, **limits).problem
    assert problem is not None
    assert problem.reason == reason


def test_within_the_budgets_nothing_is_refused() -> None:
    assert of("a: &x [1, 2, 3]\nb: [*x, *x]\n", nodes=18).problem is None
    assert of("a: " + "[" * 63 + "]" * 63 + "\n").problem is None
