"""Drift as it is remembered: since when a resource of some hosts was not as it was left, until when, and what ended it.

Plain values. Must not know how drift is found, nor where it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.plan import Action

Ending = Literal["us", "host", "git"]
"""`us`: a run changed it back; `host`: it was put back there, by a person or a program; `git`: Git asks for something
else by now, or for nothing."""


class Thing(NamedTuple):
    """What drifts, wherever it does: a resource of a service."""

    service: str
    key: Key


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field: what Git asks for and what the host has, as JSON values. Both None where nobody may see them, where
    they are digests that tell nobody anything, or where they differ from host to host."""

    path: str
    desired: Any = None
    observed: Any = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How something drifts. `action` is what would undo it. `various`: the values differ from host to host."""

    action: Action
    fields: tuple[FieldDrift, ...]
    various: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(field.path for field in self.fields)

    def document(self) -> list[Any]:
        """As plain JSON."""
        return [self.action, self.various, [[f.path, f.desired, f.observed, f.sensitive] for f in self.fields]]

    def like(self, other: Manner) -> bool:
        """Whether nothing is new in the other one."""
        if self.various or other.various:
            return (self.action, self.paths) == (other.action, other.paths)
        # As JSON, since what comes back from a store has lists for tuples.
        return digest(self.document()) == digest(other.document())


def manner(document: Sequence[Any]) -> Manner:
    """What `Manner.document` wrote."""
    action, various, fields = document
    return Manner(action, tuple(FieldDrift(*each) for each in fields), various)


@dataclass(frozen=True, slots=True)
class Episode:
    """The same drift of one thing on a set of hosts (sorted), that began on all of them within a few minutes: `since`
    is when on the first. `until` None: it still does. `run` is the run that healed it. `id` is the store's, 0 for one
    that is not kept yet."""

    thing: Thing
    manner: Manner
    since: datetime
    hosts: tuple[str, ...]
    until: datetime | None = None
    ended: Ending | None = None
    run: int | None = None
    id: int = 0
