"""What Git asks for, after parsing and resolving: hosts, services, resources, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from reconciler.model.calendar import Freeze, Window
from reconciler.model.key import Key, Place
from reconciler.model.order import Order
from reconciler.model.policy import Policy
from reconciler.model.problem import Problem
from reconciler.model.rollout import Rollout
from reconciler.model.secret import Secret

Connection = Literal["ssh", "local"]
Sync = Literal["manual", "auto"]
Heal = Literal["off", "report", "auto"]
Prune = Literal["auto", "never"]


NOTHING: Mapping[str, Any] = {}
"""No labels, no vars. Not to be changed."""


class Host(NamedTuple):
    """One machine. `root` (local hosts only) is a directory that stands for the host's `/`.

    A tuple, since there are very many.
    """

    name: str
    place: Place
    labels: Mapping[str, str] = NOTHING
    address: str = ""
    port: int = 22
    user: str = ""
    connection: Connection = "ssh"
    become: bool = False
    root: str = ""
    vars: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One thing that a service wants on hosts, rendered and validated. Equal ones are one object (interned).

    `digest` covers the key and everything that says how the host should be, so two resources with the same
    digest need the same on a host. `requires` names resources that come first; `reload_on` and `restart_on`
    name resources whose change makes this one reload or restart. `ignore` lists fields that others own. `uses` are the
    values that its templates read: ("vars", "port"), ("host", "labels", "site"); ("vars",) is all of them.
    """

    key: Key
    spec: BaseModel
    service: str
    place: Place
    digest: str
    requires: tuple[Key, ...] = ()
    reload_on: tuple[Key, ...] = ()
    restart_on: tuple[Key, ...] = ()
    ignore: tuple[str, ...] = ()
    protect: bool = False
    prune: Prune = "auto"
    sensitive: bool = False
    uses: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """What a team owns, as far as planning needs it. `hosts` are the names that its selector gives, sorted."""

    name: str
    place: Place
    project: str = ""
    owner: str = ""
    requires: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    sync: Sync = "manual"
    heal: Heal = "report"
    rollout: Rollout = field(default_factory=Rollout)


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant's limits, as far as the gate needs them. `deletes` is the most deletes in a plan, or None."""

    name: str
    place: Place
    owners: tuple[str, ...] = ()
    deletes: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Everything that a host should have, in the order of services and of their resources.

    Hosts that should have the same share one profile object. A resource in `varying` stands for one that differs
    in its content from host to host and in nothing else, so that such hosts still share the profile; it has the
    content of one of them. `digest` covers all that is shared.
    """

    resources: tuple[Resource, ...]
    digest: str
    varying: frozenset[Resource] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """A service that is left as it is on some hosts, because what Git says of it can't be used."""

    service: str
    hosts: tuple[str, ...]
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state at one revision.

    `broken` are the files with an error in them: what was last asked for by such a file is neither changed nor
    pruned. `layouts` maps each host's name to its shared profile, with samples for what varies; `profiles` to the
    profile with the host's own content filled in, `asked` to a digest of all of it (made when asked for). `managed`
    counts the resources of all hosts, `renders` how often an entry was rendered to get here: once for each distinct
    set of the values that it uses, and not at all where it is what it was the last time. `inventories` are
    the paths of the sources outside of Git that are in use. `opaque` says that there may be documents whose names
    nobody can tell: a file that can't be read at all. `secrets` are what stands for secrets in resources, by token.
    `windows`, `freezes` and `policies` are those of the repository; `pins` are the orders that keep services at another
    revision, by service.
    """

    revision: str
    hosts: Mapping[str, Host]
    services: Mapping[str, Service]
    projects: Mapping[str, Project]
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    layouts: Mapping[str, Profile] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    broken: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    managed: int = 0
    renders: int = 0
    inventories: frozenset[str] = frozenset()
    opaque: bool = False
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    policies: tuple[Policy, ...] = ()
    pins: Mapping[str, Order] = field(default_factory=dict)

    def perhaps(self, service: str) -> bool:
        """Whether a service that is not among the usable ones may still be there, in a document that can't be used:
        renamed and broken in one commit, say."""
        if service in self.services:
            return False
        return self.opaque or any(held.service == service for held in self.held)

    def unreadable(self, path: str) -> bool:
        """Whether a file, or a folder above it, can't be read now (a folder: it became a submodule, say)."""
        if not self.broken:
            return False
        parts = path.split("/")
        return any("/".join(parts[:end]) in self.broken for end in range(1, len(parts) + 1))
