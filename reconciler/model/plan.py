"""The plan: plain data, made by `core`, shown by `explain`, consumed by `execute`. One object for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from reconciler.model.key import Key
from reconciler.model.observation import Query
from reconciler.model.rollout import Batch, Terms

Action = Literal["create", "update", "delete", "restart", "reload"]
Cause = Literal["pending", "drift"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after. For sensitive fields both values are None. `diff` are unified-diff lines."""

    path: str
    before: Any
    after: Any
    cause: Cause
    sensitive: bool = False
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One action on one resource.

    `requires` are keys of the same program that come before it. `because` says why in words where fields can't.
    `desired` is the digest of the resource asked for (empty for a prune). The host must still answer `query`
    with facts of digest `expect`, else the change is stale; restarts and reloads expect nothing (empty).
    `ordinary`: it can't be bundled with the others, see `Work`.
    """

    key: Key
    action: Action
    cause: Cause
    fields: tuple[FieldChange, ...] = ()
    requires: tuple[Key, ...] = ()
    because: str = ""
    desired: str = ""
    query: Query = field(default_factory=dict)
    expect: str = ""
    sensitive: bool = False
    ordinary: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The ordered changes that one host gets in one step. `shape` is shared by programs that differ in values."""

    id: str
    shape: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Hosts of one service that change together. `needs` are the ids of steps that come first; `batch` is its place in
    the service's rollout, None when it is all of it."""

    id: str
    service: str
    needs: tuple[str, ...]
    programs: Mapping[str, tuple[str, ...]]
    batch: Batch | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted(host for hosts in self.programs.values() for host in hosts))


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something that is not planned, and why. `root` names what is behind it when it is only a consequence."""

    reason: str
    message: str
    hosts: tuple[str, ...]
    service: str = ""
    key: Key | None = None
    root: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Resources that we stop looking after without touching them, and why."""

    reason: str
    hosts: tuple[str, ...]
    key: Key
    service: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of resources on hosts (`restart` counts reloads too); `hosts` are those that change."""

    create: int = 0
    update: int = 0
    delete: int = 0
    restart: int = 0
    unchanged: int = 0
    unknown: int = 0
    hosts: int = 0

    @property
    def changes(self) -> int:
        return self.create + self.update + self.delete + self.restart


@dataclass(frozen=True, slots=True)
class Plan:
    """A DAG of steps, pinned to a Git revision and to observations.

    `fingerprint` covers the observations that it was made from; `managed` counts the resources looked after, on
    all hosts; `incomplete` says that it is limited, so that more may be due. `machines` says which machine each host
    of a step was: another one that answers to its name gets nothing. `rollouts` say what governs the steps of a
    service. `digest` covers all of it.
    """

    revision: str
    fingerprint: str
    observed_at: datetime | None
    fleet: int
    managed: int
    steps: tuple[Step, ...]
    programs: Mapping[str, Program]
    blocked: tuple[Blocked, ...]
    releases: tuple[Release, ...]
    summary: Summary
    incomplete: bool = False
    machines: Mapping[str, str] = field(default_factory=dict)
    rollouts: Mapping[str, Terms] = field(default_factory=dict)
    digest: str = ""
