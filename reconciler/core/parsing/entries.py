"""The resources of a service as they are written: `- <kind>: <name>` and fields, checked before anything is rendered.

A text that holds a template is accepted in place of any value, as nobody knows yet what it will be: it is checked once
it's rendered. Must not know other documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from reconciler.core.parsing.complain import validate
from reconciler.core.parsing.fields import is_template, repository_path
from reconciler.core.parsing.marks import KEY
from reconciler.core.parsing.page import Page
from reconciler.core.parsing.shape import names_at
from reconciler.core.quote import did_you_mean, listing, quote
from reconciler.kinds import Kind, Registry
from reconciler.kinds.contents import Contents
from reconciler.model.document import Entry
from reconciler.model.problem import Problem

_FROM_REPOSITORY = ("template", "source")


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """`entry` is None when it has problems. `references` are the files of the repository that it needs."""

    entry: Entry | None
    problems: tuple[Problem, ...] = ()
    references: frozenset[str] = frozenset()


def check_entry(page: Page, registry: Registry) -> CheckedEntry:
    """One item of `spec.resources`; the page is of that item, which is a mapping."""
    kind = _kind_of(page.value, registry)
    if kind is None:
        return CheckedEntry(None, (_unknown_kind(page, registry),))
    name = page.value[kind.name]
    named = Page(page.value, page.marks, page.text, page.document, _subject(kind, name))
    fields = {key: value for key, value in page.value.items() if key != kind.name}
    problems = [*_check_name(named, kind, name), *_check_fields(named, kind, fields)]
    references, refused = _references(named, kind, fields)
    problems += refused
    if problems:
        return CheckedEntry(None, tuple(problems), references)
    return CheckedEntry(Entry(kind.name, name, fields, page.marks[()], page.marks), (), references)


def _subject(kind: Kind[Any], name: Any) -> str:
    shown = name if isinstance(name, str) and name.isprintable() and len(name) <= 80 else quote(name)
    return f"{kind.name}/{shown}"


def _kind_of(value: dict[str, Any], registry: Registry) -> Kind[Any] | None:
    """The first key names the kind, as kinds and fields share names; a later one if all others are its fields."""
    first = next(iter(value), "")
    if first in registry:
        return registry[first]
    fitting = [registry[key] for key in value if key in registry and _fits(registry[key], value)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(kind: Kind[Any], value: dict[str, Any]) -> bool:
    return names_at(kind.Spec, ()) >= value.keys() - {kind.name}


def _unknown_kind(page: Page, registry: Registry) -> Problem:
    if not page.value:
        return page.problem((), "unknown-kind", "a resource names no kind", "write - <kind>: <name>")
    first = next(iter(page.value))
    hint = did_you_mean(first, registry) or f"kinds are {listing(sorted(registry))}"
    return page.problem((first, KEY), "unknown-kind", f"unknown kind of resource {quote(first)}", hint)


def _check_name(page: Page, kind: Kind[Any], name: Any) -> list[Problem]:
    if name is None or is_template(name):
        return []
    path = (kind.name,)
    if not isinstance(name, str):
        hint = f'write it in quotes: "{page.raw(path)}"' if isinstance(name, int | float) else "write - <kind>: <name>"
        return [
            page.problem(path, "wrong-type", f"the name of this {kind.name} must be text, not {page.raw(path)}", hint)
        ]
    if not name:
        return [page.problem(path, "bad-name", f"this {kind.name} has an empty name", "write - <kind>: <name>")]
    adapter = kind.names
    problems = validate(adapter, page.under(path, f"the name of this {kind.name}"), name)[1]
    about = adapter.json_schema().get("description", "change the name") if problems else ""
    return [replace(p, hint=p.hint if p.reason == "bad-name" else about) for p in problems]


def _check_fields(page: Page, kind: Kind[Any], fields: dict[str, Any]) -> list[Problem]:
    return validate(_spec_adapter(kind), page, fields, kind.Spec, templates=True)[1]


def _references(page: Page, kind: Kind[Any], fields: dict[str, Any]) -> tuple[frozenset[str], list[Problem]]:
    """Files of the repository that are named; they must be known before anything is rendered."""
    found: set[str] = set()
    problems: list[Problem] = []
    for field, path in _paths(kind, fields):
        if is_template(path):
            hint = "write the path itself; choose between files with several resources or in the template"
            problems.append(page.problem((field,), "templated-path", f"{field} can't be a template", hint))
            continue
        try:
            found.add(repository_path(path))
        except PydanticCustomError as error:
            context = error.context or {}
            problems.append(page.problem((field,), error.type, context["message"], context["hint"]))
    return frozenset(found), problems


def _paths(kind: Kind[Any], fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if issubclass(kind.Spec, Contents):
        yield from ((f, fields[f]) for f in _FROM_REPOSITORY if isinstance(fields.get(f), str))


@lru_cache(maxsize=512)
def _spec_adapter(kind: Kind[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind.Spec)
