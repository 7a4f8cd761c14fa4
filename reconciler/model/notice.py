"""What people or other programs are told of their own accord, and what is remembered so that it is told once.

Must not know how anybody is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

NoticeKind: TypeAlias = Literal[
    "drift-found", "healed", "run-failed", "rollout-stopped", "gate-refused", "approval-needed"
]
Topic: TypeAlias = tuple[NoticeKind, str]
"""A kind and a service: what can be so or not so."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody should hear of: the same of some services, which have one project and owner.

    `id` is the same whoever makes the notice, and however often it is sent. `resources` counts resources on hosts that
    drift. `plan` is the digest of the plan that was refused. `reasons` are words, perhaps with names from Git or hosts
    in them.
    """

    id: str
    kind: NoticeKind
    at: datetime
    services: tuple[str, ...]
    project: str = ""
    owner: str = ""
    revision: str = ""
    plan: str = ""
    resources: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of a service in one respect: at which revision (empty: at any), and of which plan. `times`
    counts all that was. `open`: it still is so."""

    kind: NoticeKind
    service: str
    revision: str
    plan: str
    times: int
    at: datetime
    open: bool

    @property
    def topic(self) -> Topic:
        return self.kind, self.service


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notice on its way to a channel: tried so often, not to be tried again before `due`."""

    notice: Notice
    channel: str
    due: datetime
    tries: int = 0
