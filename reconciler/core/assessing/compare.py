"""Compares what one resource should be with what the host said: generic, field by field, managed fields only.

Knows nothing of hosts, services or order.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, TypeAlias

from reconciler.kinds import Kind
from reconciler.model.desired import Resource
from reconciler.model.digest import digest
from reconciler.model.observation import Fact, Owned
from reconciler.model.plan import Action, Cause, FieldChange
from reconciler.model.state import Absent, Observed, Present, Unknown, Wanted

DIFF_LINES = 400
"""Lines of a text diff that a plan carries; longer ones are told by their digest only."""
_DIFF_INPUT = 5_000
"""Lines of text that are compared line by line at all: the comparison is quadratic at worst."""


@dataclass(frozen=True, slots=True)
class Equal:
    """Nothing to do. `settled`: our record says all of it already."""

    settled: bool = False


@dataclass(frozen=True, slots=True)
class Different:
    action: Action
    cause: Cause
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class NotKnown:
    reason: str


Comparison: TypeAlias = Equal | Different | NotKnown


def compare(resource: Resource, kind: Kind[Any], fact: Fact | None, owned: Owned | None) -> Comparison:
    """How the host's answer (None: it is expected to have no such thing) differs from the resource. `owned` is our
    record of it, for the cause of each field."""
    wanted = kind.wanted(resource.key.name, resource.spec)
    observed = kind.observe(resource.key.name, resource.spec, fact.facts) if fact is not None else Absent()
    sensitive = kind.secret | set(wanted.state if isinstance(wanted, Present) and resource.sensitive else ())
    return _compared(resource, wanted, observed, frozenset(sensitive), owned)


def _compared(
    resource: Resource, wanted: Wanted, observed: Observed, sensitive: frozenset[str], owned: Owned | None
) -> Comparison:
    same_request = owned is not None and owned.desired == resource.digest
    cause: Cause = "drift" if same_request else "pending"
    match wanted, observed:
        case _, Unknown(reason):
            return NotKnown(reason)
        case Absent(), Absent():
            return Equal()
        case Absent(), Present():
            return Different("delete", cause, removed(observed, sensitive, cause))
        case Present(), Absent():
            return Different("create", cause, _created(wanted, cause, sensitive))
        case Present(), Present():
            fields = _changed(resource, wanted, observed, sensitive, owned)
            if not fields:
                return Equal()
            return Different("update", "drift" if all(f.cause == "drift" for f in fields) else "pending", fields)
        case _:
            raise AssertionError(f"no such pair of states: {wanted}, {observed}")


def remembered_state(wanted: Wanted, sensitive: frozenset[str], observed: Observed | None = None) -> dict[str, Any]:
    """What our record keeps of the fields asked for: enough to tell whether Git moved, never a secret.

    Of a field that holds a secret it keeps what stands for it, and what the host answered once it was there.
    """
    if isinstance(wanted, Absent):
        return {}
    state = observed.state if isinstance(observed, Present) else {}
    return {
        name: _seal(value, state.get(name)) if name in wanted.sealed else _kept(value, name in sensitive)
        for name, value in wanted.state.items()
    }


def _kept(value: Any, sensitive: bool) -> Any:
    return digest(value) if sensitive else value


def _seal(asked: Any, answered: Any) -> dict[str, str]:
    return {"asked": digest(asked), "answered": digest(answered)}


def sensitive_fields(resource: Resource, kind: Kind[Any], wanted: Wanted) -> frozenset[str]:
    """The fields whose values nobody may see."""
    if resource.sensitive and isinstance(wanted, Present):
        return kind.secret | set(wanted.state)
    return kind.secret


def removed(observed: Present, sensitive: frozenset[str], cause: Cause = "pending") -> tuple[FieldChange, ...]:
    """The fields of something that goes away."""
    return tuple(
        FieldChange(name, None if name in sensitive else value, None, cause, name in sensitive)
        for name, value in sorted(observed.state.items())
    )


def _created(wanted: Present, cause: Cause, sensitive: frozenset[str]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(name, None, None, cause, sensitive=True)
        if name in sensitive
        else FieldChange(name, None, value, cause, diff=text_diff("", wanted.texts.get(name)))
        for name, value in sorted(wanted.state.items())
    )


def _changed(
    resource: Resource, wanted: Present, observed: Present, sensitive: frozenset[str], owned: Owned | None
) -> tuple[FieldChange, ...]:
    last = owned.state if owned else {}
    current = remembered_state(wanted, sensitive, observed)
    changes: list[FieldChange] = []
    for name, after in sorted(wanted.state.items()):
        before = observed.state.get(name)
        same = last.get(name) == current[name] if name in wanted.sealed else before == after
        if same or name in resource.ignore:
            continue
        cause: Cause = "drift" if name in last and _asked(last[name]) == _asked(current[name]) else "pending"
        if name in sensitive:
            changes.append(FieldChange(name, None, None, cause, sensitive=True))
        else:
            diff = text_diff(observed.texts.get(name), wanted.texts.get(name))
            changes.append(FieldChange(name, before, after, cause, diff=diff))
    return tuple(changes)


def _asked(kept: Any) -> Any:
    """What was asked for, of what our record keeps of a field."""
    return kept["asked"] if isinstance(kept, dict) and kept.keys() == {"asked", "answered"} else kept


def text_diff(before: str | None, after: str | None) -> tuple[str, ...]:
    """Unified diff lines without file names; nothing when a side is not known or it would be too long."""
    if before is None or after is None:
        return ()
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > _DIFF_INPUT:
        return ()
    lines = tuple(unified_diff(old, new, lineterm=""))[2:]
    if not lines and before != after:
        return ("\\ only the newline at the end of the file differs",)
    return lines if len(lines) <= DIFF_LINES else ()
