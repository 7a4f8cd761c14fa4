"""One service on its hosts: each entry as a column of resources, each host's row of them.

An entry is rendered once for each distinct set of the values that it uses. Knows recipes and values; knows nothing of
other services.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress, repeat
from operator import attrgetter
from typing import TypeAlias

from reconciler.core.linking.link import Linked, LinkedService
from reconciler.core.parsing.marks import KEY
from reconciler.core.parsing.secret import FROM
from reconciler.core.resolving.checks import check_templates
from reconciler.core.resolving.opaque import Sealer
from reconciler.core.resolving.profile import Own, described
from reconciler.core.resolving.recipe import Cook, Recipe, Unusable, compile_entry
from reconciler.core.resolving.render import Scope, Use
from reconciler.core.resolving.rows import Slice
from reconciler.core.resolving.values import alike, context, host_scope, varies
from reconciler.kinds import Registry
from reconciler.model.desired import Host, Resource
from reconciler.model.document import ProjectDocument, ServiceDocument
from reconciler.model.key import Key
from reconciler.model.problem import Problem

OWN = 32
"""From so many different contents on, and where most hosts have their own, only digests are kept for hosts."""

Read: TypeAlias = Callable[[str], bytes | None]
"""Gives the bytes of a file of the repository, None if there is none."""

Column: TypeAlias = Resource | dict[str, Resource]
"""An entry's resource on every host of the service: one for all, or by host."""


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """All hosts, sorted by name, and the names of the vars that each of them sets itself; `rooted` are those whose `/`
    is a directory."""

    all: tuple[Host, ...]
    named: tuple[frozenset[str], ...]
    rooted: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """What files say; for services that are `pinned` to another revision, by their names, as it was there."""

    read: Read
    pinned: Mapping[str, Read] = field(default_factory=dict)

    def of(self, service: str) -> Read:
        return self.pinned.get(service, self.read)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the columns of all services are made from. `claims` says how many entries ask for the same key."""

    linked: Linked
    registry: Registry
    files: Files
    hosts: Marked
    claims: Mapping[Key, int]

    def contested(self, key: Key) -> bool:
        """Whether several entries ask for it, so that what they say has to be compared on every host."""
        return self.claims[key] > 1


def marked(hosts: Mapping[str, Host]) -> Marked:
    """Looked up once for the same hosts."""
    # By identity: hosts have few different vars, and those are one object.
    vars_of = {id(host.vars): host.vars for host in hosts.values()}
    known: dict[frozenset[str], frozenset[str]] = {}
    names = {number: known.setdefault(of := frozenset(own), of) for number, own in vars_of.items()}
    return Marked(
        all=tuple(hosts.values()),
        named=tuple([names[id(host.vars)] for host in hosts.values()]),
        rooted=tuple(host.name for host in hosts.values() if host.root),
    )


@dataclass(slots=True)
class Part:
    """What one service gives, and what that rests on: `project`, the `files` that were read, the keys that other
    entries ask for too. `unusable` are the hosts on which it can't be used, by why; `own` holds the resources whose
    content is each host's own; `sealer` knows the secrets that were met; `renders` counts."""

    service: LinkedService
    project: ProjectDocument | None
    contested: frozenset[Key]
    files: dict[str, bytes | None] = field(default_factory=dict)
    slices: Mapping[str, Slice] = field(default_factory=dict)
    unusable: dict[Problem, dict[str, None]] = field(default_factory=dict)
    own: dict[Resource, Own] = field(default_factory=dict)
    sealer: Sealer = field(init=False)
    renders: int = 0

    def __post_init__(self) -> None:
        self.sealer = Sealer(self.files.get)

    def hold(self, hosts: Iterable[str], problem: Problem) -> None:
        """The service can't be used on these hosts."""
        self.unusable.setdefault(problem, {}).update(dict.fromkeys(hosts))

    def still(self, service: LinkedService, ground: Ground) -> bool:
        """Whether it is what the service would give again, on the very same hosts."""
        ours, read = self.service, ground.files.of(service.document.name)
        # Tuples compare their parts, even one with itself.
        same_hosts = ours.hosts is service.hosts or ours.hosts == service.hosts
        return (
            ours.document is service.document
            and same_hosts
            and self.project is ground.linked.projects.get(service.document.project)
            and self.contested == _contested(service, ground)
            and all(read(path) == data for path, data in self.files.items())
        )


def part_of(linked: LinkedService, ground: Ground, before: Part | None = None) -> Part:
    """What the service wants on each of its hosts. Hosts for which an entry can't be used have no slice. Content of
    each host's own that all have as `before` stays the same object."""
    service = linked.document
    part = Part(linked, ground.linked.projects.get(service.project), _contested(linked, ground))
    source = ground.files.of(service.name)

    def read(path: str) -> bytes | None:
        part.files[path] = source(path)
        return part.files[path]

    part.sealer.read = read
    for problem in _lost_secrets(part):
        part.hold(linked.hosts, problem)
    if not part.unusable:
        _fill(part, ground, before, read)
    # All that it takes has been read by now; a part must not hold on to the ground that it was made on.
    part.sealer.read = part.files.get
    return part


def _fill(part: Part, ground: Ground, before: Part | None, read: Callable[[str], bytes | None]) -> None:
    linked, service = part.service, part.service.document
    hosts = [*compress(ground.hosts.all, linked.mask)]
    overridden = frozenset[str]().union(*set(compress(ground.hosts.named, linked.mask)))
    scopes = _Scopes(service, part.project, part.sealer)
    columns: list[Column] = []
    for entry in service.entries:
        try:
            recipe = compile_entry(entry, service.name, ground.registry[entry.kind], read)
        except Unusable as error:
            part.hold(linked.hosts, error.problem)
            return
        column = _Filling(recipe, hosts, part, scopes).fill(overridden)
        columns.append(_kept(column, part, before) if isinstance(column, Resource) and column in part.own else column)
    for names, problem in check_templates(service, hosts, overridden, scopes.of):
        part.hold(names, problem)
    without = {host for names in part.unusable.values() for host in names}
    part.slices = _rows(columns, [name for name in linked.hosts if name not in without] if without else linked.hosts)


def _lost_secrets(part: Part) -> Iterator[Problem]:
    """References to secrets, in vars of the service or its project, that lead nowhere."""
    service, project = part.service.document, part.project
    for document, kind in ((service, "Service"), *(((project, "Project"),) if project else ())):
        for path, trouble in part.sealer.troubles(document.vars):
            place = document.marks.get(("spec", "vars", *path, FROM, KEY), document.place)
            yield Problem(place, "lost-secret", trouble, f"{kind}/{document.name}", "see docs/secrets.md")


def _kept(sample: Resource, part: Part, before: Part | None) -> Resource:
    """The sample of before, where it stands for the very same content of the same hosts."""
    own = part.own[sample]
    for old, known in before.own.items() if before else ():
        alike = described(old, varies=True) == described(sample, varies=True) and old.place == sample.place
        if alike and known.digests == own.digests:
            del part.own[sample]
            part.own[old] = known
            return old
    return sample


def _contested(linked: LinkedService, ground: Ground) -> frozenset[Key]:
    keys = (Key(entry.kind, entry.name) for entry in linked.document.entries)
    return frozenset(key for key in keys if ground.contested(key))


@dataclass(frozen=True, slots=True)
class _Scopes:
    """What templates of a service see. It lives as long as resources have to be made, so it must not hold the part."""

    service: ServiceDocument
    project: ProjectDocument | None
    sealer: Sealer

    def of(self, host: Host | None) -> dict[str, Scope]:
        return context(self.service, self.project, host, self.sealer)


@dataclass(slots=True)
class _Filling:
    """One column being filled. Hosts for which the entry gives nothing are held in the part."""

    recipe: Recipe
    hosts: list[Host]
    part: Part
    scopes: _Scopes

    def fill(self, overridden: frozenset[str]) -> Column:
        uses = [use for use in self.recipe.uses if varies(use, overridden)]
        cook = Cook(self.recipe)
        if not uses:
            return self._cooked(cook, None, self.hosts) or {}
        groups = alike(uses, self.hosts)
        if self._own(len(groups)):
            return self._digested(cook, uses, groups)
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
        if not self.recipe.only_content or Key(entry.kind, entry.name) in self.part.contested:
            return False
        return groups > OWN and 2 * groups > len(self.hosts)

    def _cooked(self, cook: Cook, host: Host | None, members: list[Host]) -> Resource | None:
        self.part.renders += 1
        try:
            return cook.cook(self.scopes.of(host))
        except Unusable as error:
            self._unusable(members, error)
            return None

    def _digested(self, cook: Cook, uses: list[Use], groups: list[list[Host]]) -> Column:
        """The first host's resource as the sample of all, and every host's digest."""
        sample: Resource | None = None
        digests: dict[str, str] = {}
        rest = iter(groups)
        for members in rest:
            sample = self._cooked(cook, members[0], members)
            if sample is not None:
                digests.update(dict.fromkeys((host.name for host in members), sample.digest))
                break
        if sample is None:
            return {}
        own = self._own_digest(cook, uses)
        for members in rest:
            self.part.renders += 1
            try:
                found = own(members[0])
            except Unusable as error:
                self._unusable(members, error)
                continue
            if found is None:  # some hold a secret and some don't: they are not asked in the same words
                return self._each(Cook(self.recipe), groups)
            for host in members:
                digests[host.name] = found
        self.part.own[sample] = Own(digests, partial(_made, cook, self.hosts, self.scopes))
        return sample

    def _own_digest(self, cook: Cook, uses: list[Use]) -> Callable[[Host], str | None]:
        """How to get a host's digest. Where templates use nothing else of a host than what stands in its document
        beside its vars, all hosts share the rest; where it is its name as it is, the text around it is made once."""
        if any(scope != "host" for scope, *_ in uses):
            return lambda host: cook.own_digest(self.scopes.of(host))
        shared = self.scopes.of(None)
        if uses == [("host", "name")] and (named := cook.named(shared)):
            return lambda host: named(host.name)
        return lambda host: cook.own_digest({**shared, "host": host_scope(host)})

    def _unusable(self, members: list[Host], error: Unusable) -> None:
        self.part.hold((host.name for host in members), error.problem)


def _made(cook: Cook, hosts: list[Host], scopes: _Scopes, name: str) -> Resource:
    """The resource of one of the hosts, which are sorted by name."""
    return cook.cook(scopes.of(hosts[bisect_left(hosts, name, key=attrgetter("name"))]))


def _rows(columns: list[Column], hosts: Sequence[str]) -> dict[str, Slice]:
    if all(isinstance(column, Resource) for column in columns):
        return dict.fromkeys(hosts, tuple(c for c in columns if isinstance(c, Resource)))
    each = [repeat(c, len(hosts)) if isinstance(c, Resource) else map(c.__getitem__, hosts) for c in columns]
    interned: dict[Slice, Slice] = {}
    rows = [*zip(*each, strict=True)]
    return dict(zip(hosts, map(interned.setdefault, rows, rows), strict=True))
