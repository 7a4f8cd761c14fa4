"""What pydantic finds wrong, as problems that people understand: which value, where, and what to do.

Must not know documents or kinds, only models, values and pydantic's words for errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from reconciler.core.parsing.fields import is_template
from reconciler.core.parsing.marks import KEY, Path
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.shape import describe, names_at, unshown
from reconciler.core.quote import SENSITIVE, did_you_mean, listing, quote
from reconciler.model.problem import Problem

MOST = 200
"""Problems of one document that are looked at: more than anybody reads, and explaining each takes time."""

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "left out",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "a mapping"),
}
"""What pydantic wanted, for errors that say that a value is of the wrong type."""

_CHOICES = frozenset({"literal_error", "enum"})

_HINTS: Mapping[str, str] = {
    "a list": "begin each item on a line of its own with -, or write [a, b]",
    "a mapping": "write its fields below it, each as name: value",
    "a whole number": "write digits only",
    "a number": "write digits only",
    "true or false": "write true or false",
    "text": "write a text; one with signs that mean something in YAML goes in quotes",
}

_TRUE = frozenset({"yes", "on", "y", "1", "true"})
_FALSE = frozenset({"no", "off", "n", "0", "false"})


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors, placed: `path` leads to the value, or to the field that is missing or unknown.

    A `hidden` value must not be shown.
    """

    type: str
    path: Path
    value: Any
    context: Mapping[str, Any]
    message: str
    hidden: bool = False


def validate(
    adapter: TypeAdapter[Any], page: Page, value: Any, shape: type[BaseModel] | None = None, *, templates: bool = False
) -> tuple[Any, list[Problem]]:
    """The checked value (None when it isn't one) and what is wrong.

    The check is of JSON, as strict models take a list for a tuple only there. `value` is the page's value or some of
    its fields. `shape` is the adapter's model, for names and descriptions of fields. With `templates`, a value with a
    template in it is not judged. No value is shown of a field that its model keeps out of its `repr`, nor any of a
    mapping that says `sensitive: true`.
    """
    try:
        return adapter.validate_json(orjson.dumps(value)), []
    except ValidationError as error:
        found = [_placed(e, value) for e in error.errors(include_url=False)[:MOST]]
    if templates:
        found = [e for e in found if e.type in ("missing", "extra_forbidden") or not _holds_template(e.value)]
    found = [replace(e, hidden=_is_hidden(e.path, value, shape)) for e in found]
    return None, [_problem(group, page, shape) for group in _grouped(_telling(found))]


def _is_hidden(path: Path, value: Any, shape: type[BaseModel] | None) -> bool:
    if isinstance(value, dict) and value.get("sensitive") is True:
        return True
    return bool(path) and shape is not None and path[0] in unshown(shape)


def _holds_template(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_template(v) for v in value.values())
    if isinstance(value, list):
        return any(_holds_template(v) for v in value)
    return is_template(value)


def _placed(error: Any, value: Any) -> _Error:
    """Pydantic's location has steps that are not in the value (members of unions, validators): they are left out."""
    path: Path = ()
    at = value
    location = error["loc"]
    for i, step in enumerate(location):
        if step == "[key]":
            return _Error(error["type"], (*path, KEY), path[-1], error.get("ctx", {}), error["msg"])
        if _has(at, step):
            path, at = (*path, step), at[step]
        elif error["type"] == "missing" and i == len(location) - 1:
            path = (*path, step)
    return _Error(error["type"], path, at, error.get("ctx", {}), error["msg"])


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _telling(errors: list[_Error]) -> list[_Error]:
    """Without those that are said elsewhere (null and ansible_ keys, by `core.plain`) and the noise of unions."""
    deeper = {e.path[:i] for e in errors for i in range(len(e.path))}
    return [
        e
        for e in errors
        if (e.value is not None or e.type == "missing")
        and not (e.type == "extra_forbidden" and is_ansible(e.path[-1]))
        and not (e.type in _EXPECTED and e.path in deeper)
    ]


def is_ansible(key: str | int) -> bool:
    """Whether Ansible would take a key for a setting of its own."""
    return isinstance(key, str) and key.startswith(("ansible_", "__ansible_"))


def _grouped(errors: list[_Error]) -> Iterator[list[_Error]]:
    """The members of a union complain each about the same value; a broken rule tells more than a wrong type."""
    by_path: dict[Path, list[_Error]] = {}
    for error in errors:
        by_path.setdefault(error.path, []).append(error)
    for group in by_path.values():
        rules = [e for e in group if e.type not in _EXPECTED and e.type not in _CHOICES]
        yield rules[:1] or group


def _problem(group: list[_Error], page: Page, model: type[BaseModel] | None) -> Problem:
    error = group[0]
    if error.type == "extra_forbidden":
        return _unknown_field(error, page, model)
    if error.type == "missing":
        inside = page.label(error.path[:-1])
        hint = f"add {error.path[-1]}: " + (describe(model, error.path) if model else "")
        return page.problem(
            error.path, "missing-field", f"{quote(error.path[-1])} is missing in {inside}", hint.rstrip(": ")
        )
    if "-" in error.type:
        return page.problem(_shown_at(error), error.type, error.context["message"], error.context["hint"])
    choices = [e for e in group if e.type in _CHOICES]
    if choices and (isinstance(error.value, str) or len(choices) == len(group)):
        return _not_a_choice(choices, page)
    if choices or error.type in _EXPECTED:
        return _wrong_type(group, page)
    return _broken_rule(error, page, model)


def _shown_at(error: _Error) -> Path:
    """A rule about a whole mapping is shown at its key: the mapping itself begins with whatever comes first in it."""
    keyed = isinstance(error.value, dict) and error.path and isinstance(error.path[-1], str)
    return (*error.path, KEY) if keyed else error.path


def _unknown_field(error: _Error, page: Page, model: type[BaseModel] | None) -> Problem:
    field = str(error.path[-1])
    known = names_at(model, error.path[:-1]) if model else frozenset()
    hint = did_you_mean(field, known) or (f"known fields: {listing(sorted(known))}" if known else "remove it")
    message = f"unknown field {quote(field)} in {page.label(error.path[:-1])}"
    return page.problem((*error.path, KEY), "unknown-field", message, hint)


def _wrong_type(group: list[_Error], page: Page) -> Problem:
    error = group[0]
    expected = list(dict.fromkeys(_EXPECTED.get(e.type) or " or ".join(map(quote, _choices(e))) for e in group))
    label, raw = page.label(error.path), _shown(error, page)
    message = f"{label} must be {' or '.join(expected)}, not {raw}"
    number = isinstance(error.value, int | float) and not isinstance(error.value, bool)
    if number and error.path and error.path[-1] == "mode":
        written = '"0644"' if error.hidden else f'"{raw}"'
        hint = f"write mode: {written} in quotes; without them YAML reads a number"
        return page.problem(error.path, "unquoted-mode", message, hint)
    return page.problem(error.path, "wrong-type", message, _type_hint(error, expected, raw))


def _type_hint(error: _Error, expected: list[str], raw: str) -> str:
    value = None if error.hidden else error.value
    if "text" in expected and isinstance(value, int | float):
        return f'write it in quotes: "{raw}"'
    if isinstance(value, str) and "true or false" in expected and value.lower() in _TRUE | _FALSE:
        return f"write {'true' if value.lower() in _TRUE else 'false'}"
    if isinstance(value, str) and "a whole number" in expected and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return f"write it without quotes: {value}"
    return _HINTS.get(expected[0], f"write {expected[0]}")


def _not_a_choice(group: list[_Error], page: Page) -> Problem:
    error = group[0]
    choices = [choice for e in group for choice in _choices(e)]
    near = did_you_mean(error.value, choices) if isinstance(error.value, str) and not error.hidden else ""
    message = f"{page.label(error.path)} can't be {_shown(error, page)}"
    return page.problem(error.path, "bad-choice", message, near or f"write one of {listing(choices)}")


def _choices(error: _Error) -> list[str]:
    return re.findall(r"'([^']*)'", str(error.context.get("expected", "")))


_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda c: f"must be more than {c['gt']}",
    "greater_than_equal": lambda c: f"must be at least {c['ge']}",
    "less_than": lambda c: f"must be less than {c['lt']}",
    "less_than_equal": lambda c: f"must be at most {c['le']}",
    "multiple_of": lambda c: f"must be a multiple of {c['multiple_of']}",
    "string_too_short": lambda c: "must not be empty" if c["min_length"] == 1 else f"is shorter than {c['min_length']}",
    "string_too_long": lambda c: f"is longer than {c['max_length']} characters",
    "too_short": lambda c: "must not be empty" if c["min_length"] == 1 else f"needs {c['min_length']} items",
    "too_long": lambda c: f"has more than {c['max_length']} items",
}


def _broken_rule(error: _Error, page: Page, model: type[BaseModel] | None) -> Problem:
    """A value of the right type that a rule refuses."""
    label, raw = page.label(error.path), _shown(error, page)
    about = describe(model, error.path, rule=True) if model else ""
    if bound := _BOUNDS.get(error.type):
        hint = about or "change the value"
        return page.problem(error.path, "out-of-range", f"{label} {bound(error.context)}; it is {raw}", hint)
    if error.type == "string_pattern_mismatch":
        hint = about or f"it must match {error.context['pattern']}"
        return page.problem(error.path, "bad-value", f"{label} can't be {raw}", hint)
    if error.type in ("value_error", "assertion_error"):
        what = str(error.context.get("error", error.message))
        if not error.path:
            return page.problem(_shown_at(error), "bad-value", f"{label}: {what}", "change its fields")
        if error.hidden:  # a rule may quote what it refuses
            return page.problem(_shown_at(error), "bad-value", f"{label} can't be {raw}", about or "change the value")
        return page.problem(_shown_at(error), "bad-value", f"{label} {raw}: {what}", about or "change the value")
    return page.problem(error.path, "bad-value", f"{label} can't be {raw}: {error.message.lower()}", about)


def _shown(error: _Error, page: Page) -> str:
    """Numbers and words as they were written (0644, not 644); texts quoted."""
    if error.hidden:
        return SENSITIVE
    simple = isinstance(error.value, int | float) and error.path[-1:] != (KEY,)
    return page.raw(error.path) if simple else quote(error.value)
