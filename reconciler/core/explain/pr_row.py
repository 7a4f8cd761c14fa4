"""What a service does, in one cell of a table: by action, what is the same said once.

Must not know hosts.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.explain.markdown import cell, code
from reconciler.core.explain.outline import Section, added_removed
from reconciler.core.quote import SENSITIVE
from reconciler.core.words import MARKS, value
from reconciler.model.plan import Action, Change, FieldChange

_SHOWN = 4
_FIELDS = 3
_LONGEST = 60
_ORDER: tuple[Action, ...] = ("delete", "update", "create", "restart", "reload")
_WORDS: dict[Action, str] = {
    "delete": "**gone:** ",
    "update": "",
    "create": "new: ",
    "restart": "restart ",
    "reload": "reload ",
}


def row(section: Section) -> tuple[str, str]:
    """The marks of a service's changes, and what they are, in Markdown."""
    changes = {(c.action, c.key): c for part in reversed(section.parts) for c in part.example.changes}
    found = [(action, [c for c in changes.values() if c.action == action]) for action in _ORDER]
    marks = dict.fromkeys(MARKS[action] for action, some in found if some)
    return " ".join(marks), "; ".join(_said(action, some) for action, some in found if some)


def _said(action: Action, changes: list[Change]) -> str:
    ordered = sorted(changes, key=lambda change: change.key)
    shown = [_change(change) for change in ordered[:_SHOWN]]
    more = f" and {len(ordered) - _SHOWN:,} more" if len(ordered) > _SHOWN else ""
    return _WORDS[action] + ", ".join(shown) + more


def _change(change: Change) -> str:
    text = str(change.key)
    name = code(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
    if change.action != "update":
        return name
    fields = [_field(field) for field in change.fields[:_FIELDS]]
    more = [f"{len(change.fields) - _FIELDS} more"] if len(change.fields) > _FIELDS else []
    return f"{name} {', '.join([*fields, *more])}"


def _field(field: FieldChange) -> str:
    return " ".join(_parts(field))


def _parts(field: FieldChange) -> Iterator[str]:
    yield cell(field.path)
    if field.sensitive:
        yield cell(SENSITIVE)
    elif field.diff:
        added, gone = added_removed(field.diff)
        yield f"+{added} −{gone}"
    else:
        yield f"{cell(value(field.before))} → {cell(value(field.after))}"
