"""What hosts said, and what we remember of our own doing on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from reconciler.model.desired import Prune
from reconciler.model.key import Key

Query: TypeAlias = Mapping[str, Any]
"""A question for a host, plain JSON: which probe, on what, which fields."""

Facts: TypeAlias = Mapping[str, Any]
"""A host's answer to a query, plain JSON; `{"error": reason}` when it could not answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One answer. `query` and `facts_digest` are digests; equal answers of many hosts are one object."""

    query: str
    facts: Facts
    facts_digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What one host said when it was last asked.

    `unreachable` is why it could not be asked the last time (empty: it answered); `facts` are then those of the
    last time that it answered, and `observed_at` is when that was (None: never). `identity` says which machine
    answered. `fingerprint` covers all facts: equal fingerprints mean equal facts. `since` holds, for facts that
    are not what they were at the first look, when they were first seen so.
    """

    host: str
    observed_at: datetime | None
    asked_at: datetime
    identity: str = ""
    fingerprint: str = ""
    facts: Mapping[Key, Fact] = field(default_factory=dict)
    since: Mapping[Key, datetime] = field(default_factory=dict)
    unreachable: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """What we know of our own doing for one resource of one host: the last time that it was as Git asked.

    `created` says that we put it there, so we may remove it. `spec` is what it takes to remove it (never a
    secret). `state` holds the field values that were asked for then, content and secrets as digests: it tells
    drift (the host moved) from pending (Git moved). `facts` is the digest of what the host said then. `needs`
    are the services that its service required. `path` is the file that asked for it. `reacted` maps resources
    that make this one reload or restart to the digest that was asked for when it last did; another digest there
    means that a reaction is still owed, also after a crash.
    """

    key: Key
    service: str
    created: bool
    desired: str
    facts: str
    revision: str
    run: int
    at: datetime
    path: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    requires: tuple[Key, ...] = ()
    protect: bool = False
    prune: Prune = "auto"
    reacted: Mapping[str, str] = field(default_factory=dict)


class InOrder(NamedTuple):
    """The mark of a host on which everything is in order; see `Head`."""

    asked: str
    answered: str
    alike: str = ""


class Head(NamedTuple):
    """The little that is looked at of every host before anything else of it is read.

    `asked` and `answered` are what Git asked for and the fingerprint of what the host said when everything there was
    last found in order and on record; while both are the same, there is nothing to do. `alike` is the same for hosts
    that were in order with the same answers and records, but for what is each host's own. `owned`: we have records of
    it. `identity` says which machine answered.
    """

    host: str
    observed_at: datetime | None
    fingerprint: str
    unreachable: str
    asked: str
    answered: str
    alike: str
    owned: bool
    identity: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Ownership:
    """All that we own or adopted on one host. `path` is the file that the Host document was last read from."""

    host: str
    path: str = ""
    owned: Mapping[Key, Owned] = field(default_factory=dict)
