"""What users wrote, parsed and checked document by document, before anything is rendered or joined up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from reconciler.model.calendar import Effect
from reconciler.model.desired import Heal, Host, Sync
from reconciler.model.key import Place
from reconciler.model.policy import Stance
from reconciler.model.problem import Problem
from reconciler.model.rollout import Rollout

Marks: TypeAlias = Mapping[tuple[str | int, ...], Place]
"""Where each value of a document stands: path within the document to its place. For a mapping's entry it is the
place of the value; `(*path, "~key")` after the last step is the place of its key."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One of Kubernetes' `matchExpressions`."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """Labels that a host must have: all of both."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a service, as written: values may still be templates.

    `fields` are those beside `<kind>: <name>`; `marks` are relative to the entry, with the kind's name as the
    field that holds the resource's name.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    place: Place
    marks: Marks


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """`sync` and `heal` are None where the project says it."""

    name: str
    place: Place
    project: str
    owner: str
    selector: Selector
    requires: tuple[str, ...]
    vars: Mapping[str, Any]
    entries: tuple[Entry, ...]
    sync: Sync | None
    heal: Heal | None
    rollout: Rollout
    marks: Marks


@dataclass(frozen=True, slots=True)
class ProjectDocument:
    """`paths`, `selector` and `kinds` are None where the project is not limited in that way."""

    name: str
    place: Place
    description: str
    owners: tuple[str, ...]
    paths: tuple[str, ...] | None
    selector: Selector | None
    kinds: tuple[str, ...] | None
    deletes: int | None
    vars: Mapping[str, Any]
    marks: Marks
    sync: Sync = "manual"
    heal: Heal = "report"


@dataclass(frozen=True, slots=True)
class WindowDocument:
    """`duration` is in seconds."""

    name: str
    place: Place
    project: str
    services: tuple[str, ...]
    projects: tuple[str, ...]
    effect: Effect
    cron: str
    duration: int
    timezone: str
    marks: Marks


@dataclass(frozen=True, slots=True)
class FreezeDocument:
    """`start` and `until` are times as text in RFC 3339; empty where there is none."""

    name: str
    place: Place
    project: str
    services: tuple[str, ...]
    projects: tuple[str, ...]
    reason: str
    start: str
    until: str
    marks: Marks


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """`selector` None: changes on all hosts are meant. `when` is an expression in CEL."""

    name: str
    place: Place
    project: str
    services: tuple[str, ...]
    projects: tuple[str, ...]
    effect: Stance
    message: str
    when: str
    selector: Selector | None
    approvable: bool
    marks: Marks


class HostDocument(NamedTuple):
    """A repository may have very many, so of its places only that of `connection: local` is kept beside its own."""

    host: Host
    connection: Place | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """All documents of a revision that can be used, by name.

    `references` are the files of the repository that resources name as template or source. `broken` maps each file
    with an error in it to what is known to be in it: `(Kind, name)` of the documents that can't be used; an empty set
    stands for a file that could not be read at all.
    """

    hosts: Mapping[str, HostDocument]
    services: Mapping[str, ServiceDocument]
    projects: Mapping[str, ProjectDocument]
    references: frozenset[str]
    broken: Mapping[str, frozenset[tuple[str, str]]]
    count: int
    problems: tuple[Problem, ...]
    windows: Mapping[str, WindowDocument] = field(default_factory=dict)
    freezes: Mapping[str, FreezeDocument] = field(default_factory=dict)
    policies: Mapping[str, PolicyDocument] = field(default_factory=dict)
