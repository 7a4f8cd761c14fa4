"""Whatever pydantic finds wrong becomes a sentence with a value in it and something to do."""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from reconciler.core.parsing.complain import validate
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.yaml import read


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    a: int


AnA = Annotated[str, Field(pattern="^a$"), Field(description="An a.")]


def _picky(value: str) -> str:
    assert value == "x", "must be x"
    return value


CASES: list[tuple[Any, str, str, str, str]] = [
    # type of the field, its value in YAML, reason, message, part of the hint
    (str, "1.10", "wrong-type", "f must be text, not 1.10", 'in quotes: "1.10"'),
    (str, "[a]", "wrong-type", "f must be text, not a list", "quotes"),
    (int, "1.5", "wrong-type", "f must be a whole number, not 1.5", "digits"),
    (int, "'12'", "wrong-type", 'f must be a whole number, not "12"', "without quotes: 12"),
    (int, "true", "wrong-type", "f must be a whole number, not true", "digits"),
    (float, "x", "wrong-type", 'f must be a number, not "x"', "digits"),
    (bool, "off", "wrong-type", 'f must be true or false, not "off"', "write false"),
    (bool, "1", "wrong-type", "f must be true or false, not 1", "write true or false"),
    (list[int], "1", "wrong-type", "f must be a list, not 1", "[a, b]"),
    (set[str], "a", "wrong-type", 'f must be a list, not "a"', "[a, b]"),
    (dict[str, int], "[]", "wrong-type", "f must be a mapping, not []", "name: value"),
    (dict[str, int], "{a: b}", "wrong-type", 'f.a must be a whole number, not "b"', "digits"),
    (Inner, "a", "wrong-type", 'f must be a mapping, not "a"', "name: value"),
    (Inner, "{}", "missing-field", '"a" is missing in f', "add a"),
    (Inner, "{a: 1, b: 2}", "unknown-field", 'unknown field "b" in f', "known fields: a"),
    (list[Inner], "[{a: x}]", "wrong-type", 'f[0].a must be a whole number, not "x"', "digits"),
    (int | bool, "x", "wrong-type", 'f must be a whole number or true or false, not "x"', "digits"),
    (int | list[Inner], "[{a: x}]", "wrong-type", 'f[0].a must be a whole number, not "x"', "digits"),
    (int | Literal["auto"], "atuo", "bad-choice", 'f can\'t be "atuo"', 'did you mean "auto"?'),
    (int | Literal["auto"], "[]", "wrong-type", 'f must be a whole number or "auto", not []', "digits"),
    (Literal["a", "b"], "3", "bad-choice", "f can't be 3", "write one of a and b"),
    (Colour, "rd", "bad-choice", 'f can\'t be "rd"', 'did you mean "red"?'),
    (Annotated[int, Field(ge=3)], "2", "out-of-range", "f must be at least 3; it is 2", "change"),
    (Annotated[int, Field(gt=3)], "3", "out-of-range", "f must be more than 3; it is 3", "change"),
    (Annotated[int, Field(le=3)], "4", "out-of-range", "f must be at most 3; it is 4", "change"),
    (Annotated[int, Field(lt=3)], "3", "out-of-range", "f must be less than 3; it is 3", "change"),
    (Annotated[int, Field(multiple_of=2)], "3", "out-of-range", "f must be a multiple of 2; it is 3", "change"),
    (Annotated[str, Field(min_length=1)], "''", "out-of-range", 'f must not be empty; it is ""', "change"),
    (Annotated[str, Field(min_length=3)], "ab", "out-of-range", 'f is shorter than 3; it is "ab"', "change"),
    (Annotated[str, Field(max_length=1)], "ab", "out-of-range", 'f is longer than 1 characters; it is "ab"', "change"),
    (Annotated[list[int], Field(min_length=1)], "[]", "out-of-range", "f must not be empty; it is []", "change"),
    (Annotated[list[int], Field(max_length=1)], "[1, 2]", "out-of-range", "f has more than 1 items; it is a list", ""),
    (Annotated[str, Field(pattern="^a$")], "b", "bad-value", 'f can\'t be "b"', "^a$"),
    (AnA | None, "b", "bad-value", 'f can\'t be "b"', "An a."),
    (Annotated[str, AfterValidator(_picky)], "b", "bad-value", 'f "b": must be x', "change"),
    (date, "never", "bad-value", 'f can\'t be "never": ', ""),
    (timedelta, "never", "bad-value", 'f can\'t be "never": ', ""),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text", "reason", "message", "hint"), CASES)
def test_message(wanted: Any, text: str, reason: str, message: str, hint: str) -> None:
    class Model(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        f: wanted

    raw = read("a.yaml", f"f: {text}\n".encode(), DEFAULT)
    page = Page(raw.documents[0].value, raw.documents[0].marks, raw.text, "Kind/x", "kind/x")
    value, problems = validate(TypeAdapter(Model), page, page.value, Model)
    (problem,) = problems
    assert value is None
    assert (problem.reason, problem.document, problem.place.line) == (reason, "Kind/x", 1)
    assert problem.message.startswith(message)
    assert hint in problem.hint


def test_what_is_right_has_no_problems() -> None:
    raw = read("a.yaml", b"a: 1\n", DEFAULT)
    page = Page(raw.documents[0].value, raw.documents[0].marks, raw.text)
    assert validate(TypeAdapter(Inner), page, page.value, Inner) == (Inner(a=1), [])


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    open: int = 0
    closed: Annotated[str, Field(pattern="^a$")] = Field("a", repr=False)
    sensitive: bool = False


@pytest.mark.parametrize("text", ["closed: canary", "{sensitive: true, open: canary}", "closed: [canary]"])
def test_what_nobody_may_see_is_not_quoted(text: str) -> None:
    raw = read("a.yaml", text.encode(), DEFAULT)
    page = Page(raw.documents[0].value, raw.documents[0].marks, raw.text)
    value, (problem,) = validate(TypeAdapter(Closed), page, page.value, Closed)
    assert value is None
    assert "(sensitive value)" in problem.message
    assert "canary" not in problem.message + problem.hint
