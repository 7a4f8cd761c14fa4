"""Services, projects, policies, windows and freezes as plain values for JSON, with the places of all that is in them,
and back.

Nothing is checked: what comes back was checked when it was read from Git. Must not know where it is kept.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from reconciler.core.parsing.marks import TreeMarks
from reconciler.core.parsing.parsed import Few
from reconciler.core.parsing.rollout_json import rollout_fields, rollout_from
from reconciler.model.document import (
    Entry,
    Expression,
    FreezeDocument,
    PolicyDocument,
    ProjectDocument,
    Selector,
    ServiceDocument,
    WindowDocument,
)
from reconciler.model.key import Place


def to_fields(document: Few) -> dict[str, Any]:
    """A document's fields; its kind is told by them."""
    marks = document.marks
    assert isinstance(marks, TreeMarks)
    found = {field.name: getattr(document, field.name) for field in fields(document)}
    found |= {"place": (document.place.line, document.place.column), "marks": marks.unfolded()}
    if isinstance(document, ServiceDocument | ProjectDocument | PolicyDocument):
        found["selector"] = _selector(document.selector) if document.selector else None
    if isinstance(document, ServiceDocument):
        found["entries"] = [(entry.kind, entry.name, entry.fields) for entry in document.entries]
        found["rollout"] = rollout_fields(document.rollout)
    return found


def from_fields(path: str, values: dict[str, Any]) -> Few:
    """The other way round, for the file that it was in."""
    marks = TreeMarks.folded(path, values["marks"])
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    values |= {"place": Place(path, *values["place"]), "marks": marks}
    if "selector" not in values:
        return WindowDocument(**values) if "cron" in values else FreezeDocument(**values)
    selector = values["selector"]
    values["selector"] = _selector_from(selector) if selector else None
    if "when" in values:
        return PolicyDocument(**values)
    if "entries" not in values:
        return ProjectDocument(**values)
    values["rollout"] = rollout_from(values["rollout"])
    values["entries"] = tuple(_entry(i, entry, marks) for i, entry in enumerate(values["entries"]))
    return ServiceDocument(**values)


def _entry(i: int, entry: tuple[str, str, dict[str, Any]], marks: TreeMarks) -> Entry:
    """A usable service's entries are exactly what stands in its resources."""
    kind, name, values = entry
    inside = marks.under(("spec", "resources", i))
    return Entry(kind, name, values, inside[()], inside)


def _selector(selector: Selector) -> tuple[Any, ...]:
    return selector.match_labels, [(e.key, e.operator, e.values) for e in selector.match_expressions]


def _selector_from(values: tuple[Any, ...]) -> Selector:
    labels, expressions = values
    return Selector(labels, tuple(Expression(key, operator, tuple(v)) for key, operator, v in expressions))
