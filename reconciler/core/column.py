"""One service on its hosts: each entry as a column of resources, each host's row of them.

An entry is rendered once for each distinct set of the values that it uses. Knows recipes and values; knows nothing of
other services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from reconciler.core.link import Linked, LinkedService
from reconciler.core.marks import KEY
from reconciler.core.opaque import Sealer
from reconciler.core.profile import Own
from reconciler.core.recipe import Cook, Recipe, Unusable, compile_entry
from reconciler.core.render import Scope, Use
from reconciler.core.secret import FROM
from reconciler.core.values import context, value_set, varies
from reconciler.kinds import Registry
from reconciler.model.desired import Host, Resource
from reconciler.model.document import ServiceDocument
from reconciler.model.key import Key
from reconciler.model.problem import Problem

OWN = 32
"""From so many different contents on, and where most hosts have their own, only digests are kept for hosts."""

Slice: TypeAlias = tuple[Resource, ...]
"""What one service wants on one host; hosts that get the same from it share the tuple."""

Column: TypeAlias = Resource | dict[str, Resource]
"""An entry's resource on every host of the service: one for all, or by host."""


@dataclass(slots=True)
class Work:
    """What is found on the way. `held` maps (service, why) to the hosts on which the service can't be used; `own`
    holds the resources whose content is each host's own; `renders` counts."""

    linked: Linked
    registry: Registry
    read: Callable[[str], bytes | None]
    problems: dict[Problem, None] = field(default_factory=dict)
    held: dict[tuple[str, Problem], dict[str, None]] = field(default_factory=dict)
    own: dict[Resource, Own] = field(default_factory=dict)
    renders: int = 0
    sealer: Sealer = field(init=False)
    _claims: dict[Key, int] = field(default_factory=dict)
    _named: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sealer = Sealer(self.read)
        known: dict[frozenset[str], frozenset[str]] = {}
        for host in self.linked.hosts.values():
            names = frozenset(host.vars)
            self._named[host.name] = known.setdefault(names, names)
        for service in self.linked.services.values():
            for entry in service.document.entries:
                key = Key(entry.kind, entry.name)
                self._claims[key] = self._claims.get(key, 0) + 1

    def hold(self, service: str, hosts: Iterable[str], problem: Problem) -> None:
        """The service can't be used on these hosts."""
        self.problems.setdefault(problem)
        self.held.setdefault((service, problem), {}).update(dict.fromkeys(hosts))

    def overridden(self, hosts: Iterable[str]) -> frozenset[str]:
        """The vars that some of these hosts set themselves."""
        return frozenset[str]().union(*{self._named[host] for host in hosts})

    def contested(self, key: Key) -> bool:
        """Whether several entries ask for it, so that what they say has to be compared on every host."""
        return self._claims[key] > 1


def slices_of(linked: LinkedService, work: Work) -> dict[str, Slice]:
    """What the service wants on each of its hosts. Hosts for which an entry can't be used have none."""
    service = linked.document
    if lost := list(_lost_secrets(service, work)):
        for problem in lost:
            work.hold(service.name, linked.hosts, problem)
        return {}
    hosts = [work.linked.hosts[name] for name in linked.hosts]
    overridden = work.overridden(linked.hosts)
    columns: list[Column] = []
    unusable: set[str] = set()
    for entry in service.entries:
        try:
            recipe = compile_entry(entry, service.name, work.registry[entry.kind], work.read)
        except Unusable as error:
            work.hold(service.name, linked.hosts, error.problem)
            return {}
        column = _Filling(recipe, service, hosts, work)
        columns.append(column.fill(overridden))
        unusable |= column.unusable
    return _rows(columns, [name for name in linked.hosts if name not in unusable])


def _lost_secrets(service: ServiceDocument, work: Work) -> Iterator[Problem]:
    """References to secrets, in vars of the service or its project, that lead nowhere."""
    project = work.linked.projects.get(service.project)
    for document, kind in ((service, "Service"), *(((project, "Project"),) if project else ())):
        for path, trouble in work.sealer.troubles(document.vars):
            place = document.marks.get(("spec", "vars", *path, FROM, KEY), document.place)
            yield Problem(place, "lost-secret", trouble, f"{kind}/{document.name}", "see docs/secrets.md")


@dataclass(slots=True)
class _Filling:
    """One column being filled. `unusable` are the hosts for which the entry gives nothing."""

    recipe: Recipe
    service: ServiceDocument
    hosts: list[Host]
    work: Work
    unusable: set[str] = field(default_factory=set)

    def fill(self, overridden: frozenset[str]) -> Column:
        uses = [use for use in self.recipe.uses if varies(use, overridden)]
        cook = Cook(self.recipe)
        if not uses:
            return self._cooked(cook, None, self.hosts) or {}
        groups = _groups(uses, self.hosts)
        if self._own(len(groups)):
            return self._digested(cook, groups)
        return self._each(cook, groups)

    def _each(self, cook: Cook, groups: list[list[Host]]) -> Column:
        column: dict[str, Resource] = {}
        for members in groups:
            resource = self._cooked(cook, members[0], members)
            if resource is not None:
                column.update(dict.fromkeys((host.name for host in members), resource))
        return column

    def _own(self, groups: int) -> bool:
        entry = self.recipe.entry
        if not self.recipe.only_content or self.work.contested(Key(entry.kind, entry.name)):
            return False
        return groups > OWN and 2 * groups > len(self.hosts)

    def _cooked(self, cook: Cook, host: Host | None, members: list[Host]) -> Resource | None:
        self.work.renders += 1
        try:
            return cook.cook(self._context(host))
        except Unusable as error:
            self._unusable(members, error)
            return None

    def _digested(self, cook: Cook, groups: list[list[Host]]) -> Column:
        """The first host's resource as the sample of all, and every host's digest."""
        sample: Resource | None = None
        digests: dict[str, str] = {}
        for members in groups:
            if sample is None:
                sample = self._cooked(cook, members[0], members)
                digests.update(dict.fromkeys((h.name for h in members), sample.digest) if sample else {})
                continue
            self.work.renders += 1
            try:
                own = cook.own_digest(self._context(members[0]))
            except Unusable as error:
                self._unusable(members, error)
                continue
            if own is None:  # some hold a secret and some don't: they are not asked in the same words
                return self._each(Cook(self.recipe), groups)
            for host in members:
                digests[host.name] = own
        if sample is None:
            return {}
        self.work.own[sample] = Own(digests, partial(self._made, cook))
        return sample

    def _made(self, cook: Cook, host: str) -> Resource:
        return cook.cook(self._context(self.work.linked.hosts[host]))

    def _context(self, host: Host | None) -> dict[str, Scope]:
        return context(self.service, self.work.linked.projects.get(self.service.project), host, self.work.sealer)

    def _unusable(self, members: list[Host], error: Unusable) -> None:
        names = [host.name for host in members]
        self.unusable.update(names)
        self.work.hold(self.service.name, names, error.problem)


def _groups(uses: list[Use], hosts: list[Host]) -> list[list[Host]]:
    """Hosts for which the values that are used are the same."""
    if ("host", "name") in uses or ("host",) in uses:
        return [[host] for host in hosts]
    groups: dict[object, list[Host]] = {}
    for host in hosts:
        groups.setdefault(value_set(uses, host), []).append(host)
    return list(groups.values())


def _rows(columns: list[Column], hosts: list[str]) -> dict[str, Slice]:
    if all(isinstance(column, Resource) for column in columns):
        return dict.fromkeys(hosts, tuple(c for c in columns if isinstance(c, Resource)))
    interned: dict[Slice, Slice] = {}
    rows: dict[str, Slice] = {}
    for host in hosts:
        row = tuple([c if isinstance(c, Resource) else c[host] for c in columns])
        rows[host] = interned.setdefault(row, row)
    return rows
