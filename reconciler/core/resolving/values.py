"""Which values a template sees on a host, and where each comes from.

Precedence of vars: project, then service, then host; the last one wins as a whole (no merging of mappings).
Knows documents and hosts; knows nothing of templates' syntax.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.resolving.opaque import Sealer
from reconciler.core.resolving.render import Scope, Use
from reconciler.model.desired import Host
from reconciler.model.digest import canonical
from reconciler.model.document import ProjectDocument, ServiceDocument
from reconciler.model.key import OUTSIDE


@dataclass(frozen=True, slots=True)
class Origin:
    """One var as a host sees it: its value, who gave it, and what it won over, the strongest first.

    Of a `sensitive` one nothing is kept but where it comes from: its values are None.
    """

    name: str
    value: Any
    giver: str
    over: tuple[tuple[str, Any], ...] = ()
    sensitive: bool = False

    def hidden(self) -> Origin:
        """The same without its values."""
        return Origin(self.name, None, self.giver, tuple((giver, None) for giver, _ in self.over), sensitive=True)


def context(
    service: ServiceDocument, project: ProjectDocument | None, host: Host | None, sealer: Sealer
) -> dict[str, Scope]:
    """What a template of the service sees; without a host only what all hosts share. Secrets are sealed."""
    shared, in_project = sealer.sealed(project.vars) if project else ({}, frozenset[str]())
    own, in_service = sealer.sealed(service.vars)
    its, in_host = _of_host(host, sealer)
    of_project = {"name": project.name, "owners": list(project.owners), "vars": dict(shared)} if project else {}
    return {
        "host": host_scope(host),
        "vars": Scope("vars", {**shared, **own, **its}, in_project | in_service | in_host),
        "project": Scope("project", of_project),
    }


def host_scope(host: Host | None) -> Scope:
    """What `host` is in a template."""
    values = {"name": host.name, "address": host.address, "labels": host.labels} if host else {}
    return Scope("host", values)


def _of_host(host: Host | None, sealer: Sealer) -> tuple[Mapping[str, Any], frozenset[str]]:
    """What an inventory says of a host is data: only Git refers to secrets."""
    if host is None or _outside(host):
        return host.vars if host else {}, frozenset()
    return sealer.sealed(host.vars)


def varies(use: Use, overridden: frozenset[str]) -> bool:
    """Whether the value can differ from host to host; `overridden` are the vars that some of the hosts set."""
    match use:
        case ("host", *_):
            return True
        case ("vars",):
            return bool(overridden)
        case ("vars", name, *_):
            return name in overridden
        case _:
            return False


def alike(uses: Sequence[Use], hosts: Sequence[Host]) -> list[list[Host]]:
    """Hosts by their own part of the values that a template uses: those of a group get equal results."""
    if not uses:
        return [list(hosts)]
    if ("host", "name") in uses or ("host",) in uses:
        return [[host] for host in hosts]
    groups: dict[object, list[Host]] = {}
    for host, values in zip(hosts, zip(*(column(use, hosts) for use in uses), strict=True), strict=True):
        groups.setdefault(values, []).append(host)
    return list(groups.values())


def origins(service: ServiceDocument, project: ProjectDocument | None, host: Host) -> list[Origin]:
    """Every var that the service's templates could see on the host, sorted, with its conflicts."""
    givers: list[tuple[str, Mapping[str, Any]]] = [
        (f"host {host.name}", host.vars),
        (f"service {service.name}", service.vars),
    ]
    if project:
        givers.append((f"project {project.name}", project.vars))
    found: list[Origin] = []
    for name in sorted({n for _, given in givers for n in given}):
        (giver, value), *over = [(giver, given[name]) for giver, given in givers if name in given]
        found.append(Origin(name, value, giver, tuple(over)))
    return found


def column(use: Use, hosts: Sequence[Host]) -> list[Any]:
    """What each host has of a value, such that different ones are told apart."""
    match use:
        case ("host", "labels", label, *_):
            return [host.labels.get(label) for host in hosts]
        case ("host", *_):
            return [_hashable(_own(use, host)) for host in hosts]
    # By identity: hosts have few different vars, and those are one object.
    known = {id(host.vars): host for host in hosts}
    # Of an inventory they are data, of Git they may refer to a secret: the same words are not the same.
    values = {number: (_outside(host), _hashable(_own(use, host))) for number, host in known.items()}
    return [values[id(host.vars)] for host in hosts]


def _outside(host: Host) -> bool:
    """Whether an inventory says what there is to say of the host."""
    return host.place.path.startswith(OUTSIDE)


def _own(use: Use, host: Host) -> Any:
    match use:
        case ("host", "labels", *_):
            return dict(host.labels)
        case ("host", "address", *_):
            return host.address
        case ("host", *_):
            return host.name
        case ("vars", name, *_):
            return host.vars.get(name, ...)
        case _:
            return dict(host.vars)


def _hashable(value: Any) -> Any:
    if value is ...:
        return value
    # 1, 1.0 and True are equal as dict keys but render differently.
    return (type(value), value) if isinstance(value, (str, int, float, type(None))) else canonical(value)
