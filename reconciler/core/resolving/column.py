"""One service on its hosts: each entry as a column of resources, each cohort's row of them.

An entry is rendered once for each distinct set of the values that it uses. Knows recipes, values and cohorts; knows
nothing of other services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import compress, repeat
from typing import TypeAlias

from reconciler.core.linking.link import Linked, LinkedService
from reconciler.core.parsing.marks import KEY
from reconciler.core.parsing.secret import FROM
from reconciler.core.resolving.checks import check_templates, check_uses
from reconciler.core.resolving.cohorts import Cohorts, Marked, Traits, traits_of
from reconciler.core.resolving.opaque import Sealer
from reconciler.core.resolving.profile import Own, described
from reconciler.core.resolving.recipe import Cook, Recipe, Unusable, compile_entry
from reconciler.core.resolving.render import Scope, Use
from reconciler.core.resolving.rows import Requires, Slice
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

Column: TypeAlias = Resource | dict[int, Resource]
"""An entry's resource on every cohort of the service: one for all, or by cohort."""


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """What files say; for services that are `pinned` to another revision, by their names, as it was there."""

    read: Read
    pinned: Mapping[str, Read] = field(default_factory=dict)

    def of(self, service: str) -> Read:
        return self.pinned.get(service, self.read)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the columns of all services are made from. `claims` says how many entries ask for the same key, `requires`
    what each service requires."""

    linked: Linked
    registry: Registry
    files: Files
    hosts: Marked
    claims: Mapping[Key, int]
    requires: Requires

    def contested(self, key: Key) -> bool:
        """Whether several entries ask for it, so that what they say has to be compared on every host."""
        return self.claims[key] > 1


@dataclass(slots=True)
class Part:
    """What one service gives, and what that rests on: `project`, the `files` that were read, the keys that other
    entries ask for too. `traits` are what it tells hosts apart by, `slices` what it gives by cohort. `unusable` are the
    hosts on which it can't be used, by why; `own` holds the resources whose content is each host's own; `sealer` knows
    the secrets that were met; `renders` counts."""

    service: LinkedService
    project: ProjectDocument | None
    contested: frozenset[Key]
    files: dict[str, bytes | None] = field(default_factory=dict)
    traits: Traits = field(default_factory=Traits)
    slices: Mapping[int, Slice] = field(default_factory=dict)
    unusable: dict[Problem, dict[str, None]] = field(default_factory=dict)
    own: dict[Resource, Own] = field(default_factory=dict)
    sealer: Sealer = field(init=False)
    renders: int = 0

    def __post_init__(self) -> None:
        self.sealer = Sealer(self.files.get)

    def hold(self, hosts: Iterable[str], problem: Problem) -> None:
        """The service can't be used on these hosts."""
        self.unusable.setdefault(problem, {}).update(dict.fromkeys(hosts))

    def moved(self, parents: Sequence[int]) -> Part:
        """The same by finer cohorts, each of which is a part of the one that is its parent."""
        part = copy(self)
        part.slices = {number: self.slices[at] for number, at in enumerate(parents) if at in self.slices}
        return part

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


def draft_of(linked: LinkedService, ground: Ground, before: Part | None = None) -> Draft:
    """What can be told of a service before it is known which hosts are to be told apart. Content of each host's own
    that all have as `before` stays the same object."""
    service = linked.document
    part = Part(linked, ground.linked.projects.get(service.project), _contested(linked, ground))
    source = ground.files.of(service.name)

    def read(path: str) -> bytes | None:
        part.files[path] = source(path)
        return part.files[path]

    part.sealer.read = read
    draft = Draft(part, ground, _Scopes(service, part.project, part.sealer))
    for problem in _lost_secrets(part):
        part.hold(linked.hosts, problem)
        draft.nowhere = True
    if not draft.nowhere:
        draft.compile(before)
    return draft


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


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """An entry that gives a resource for each group of cohorts with the same values of `uses`; for all, if none is."""

    cook: Cook
    uses: Sequence[Use]


@dataclass(slots=True, eq=False)
class Draft:
    """A service whose entries are compiled, and rendered where the content is each host's own. Hosts for which an entry
    gives nothing are held in the part; all are, where it can be used `nowhere`."""

    part: Part
    ground: Ground
    scopes: _Scopes
    lines: list[Column | _Line] = field(default_factory=list)
    nowhere: bool = False

    def compile(self, before: Part | None) -> None:
        linked, checked = self.part.service, check_uses(self.part.service.document)
        recipes = self._recipes()
        used = checked.union(*(recipe.uses for recipe in recipes))
        overridden = self.ground.hosts.overridden(used, linked.mask)
        told_by = {use for use in checked if varies(use, overridden)}
        for recipe in recipes:
            line = self._line(recipe, [use for use in recipe.uses if varies(use, overridden)], before)
            told_by.update(line.uses if isinstance(line, _Line) else ())
            self.lines.append(line)
        self.part.traits = traits_of(linked, told_by)

    def _recipes(self) -> list[Recipe]:
        """Of all entries, up to one that can't be used anywhere: nothing can then."""
        part, service, found = self.part, self.part.service.document, list[Recipe]()
        for entry in service.entries:
            try:
                found.append(compile_entry(entry, service.name, self.ground.registry[entry.kind], part.sealer.read))
            except Unusable as error:
                part.hold(part.service.hosts, error.problem)
                self.nowhere = True
                break
        return found

    def filled(self, cohorts: Cohorts) -> Part:
        """What the service wants on each of its cohorts. Those for which an entry can't be used have no slice."""
        part = self.part
        within = cohorts.within(part.service)
        columns = [self._by_cohort(line, cohorts, within) if isinstance(line, _Line) else line for line in self.lines]
        if not self.nowhere:
            part.slices = self._slices(columns, cohorts, within)
        # All that it takes has been read by now; a part must not hold on to the ground that it was made on.
        part.sealer.read = part.files.get
        return part

    def _slices(self, columns: list[Column], cohorts: Cohorts, within: list[int]) -> dict[int, Slice]:
        unusable = set[int]()
        for broken, problem in check_templates(self.part.service.document, cohorts, within, self.scopes.of):
            self.part.hold(cohorts.names(broken), problem)
            unusable.update(broken)
        for column in columns:
            unusable.update(() if isinstance(column, Resource) else set(within).difference(column))
        return _rows(columns, [cohort for cohort in within if cohort not in unusable])

    def _line(self, recipe: Recipe, uses: list[Use], before: Part | None) -> Column | _Line:
        cook = Cook(recipe)
        if not uses or not self._own(recipe, uses):
            return _Line(cook, uses)
        found = self._digested(cook, uses)
        if found is None:  # some hold a secret and some don't: they are not asked in the same words
            return _Line(Cook(recipe), uses)
        return _kept(found, self.part, before) if isinstance(found, Resource) else found

    def _own(self, recipe: Recipe, uses: list[Use]) -> bool:
        """Whether only digests are kept for hosts, most of which have content of their own."""
        entry, linked = recipe.entry, self.part.service
        many = len(linked.hosts)
        if many <= OWN or not recipe.only_content or Key(entry.kind, entry.name) in self.part.contested:
            return False
        if ("host", "name") in uses or ("host",) in uses:
            return True
        values = zip(*(compress(self.ground.hosts.column(use), linked.mask) for use in uses), strict=True)
        return 2 * len(set(values)) > max(2 * OWN, many)

    def _by_cohort(self, line: _Line, cohorts: Cohorts, within: list[int]) -> Column:
        if not line.uses:
            return self._cooked(line.cook, None, self.part.service.hosts) or {}
        column: dict[int, Resource] = {}
        for members in cohorts.alike(line.uses, within):
            resource = self._cooked(line.cook, cohorts.sample(members[0]), cohorts.names(members))
            if resource is not None:
                column.update(dict.fromkeys(members, resource))
        return column

    def _cooked(self, cook: Cook, host: Host | None, members: Iterable[str]) -> Resource | None:
        self.part.renders += 1
        try:
            return cook.cook(self.scopes.of(host))
        except Unusable as error:
            self.part.hold(members, error.problem)
            return None

    def _digested(self, cook: Cook, uses: list[Use]) -> Column | None:
        """The first host's resource as the sample of all, and every host's digest. None where that can't be had."""
        rest = iter(alike(uses, [*compress(self.ground.hosts.all, self.part.service.mask)]))
        for members in rest:
            sample = self._cooked(cook, members[0], [host.name for host in members])
            if sample is not None:
                break
        else:
            return {}
        digests = dict.fromkeys((host.name for host in members), sample.digest)
        others = self._own_digests(cook, uses, [*rest])
        if others is None:
            return None
        digests.update(others)
        self.part.own[sample] = Own(digests, partial(_made, cook, self.ground.linked.hosts, self.scopes))
        return sample

    def _own_digests(self, cook: Cook, uses: list[Use], groups: list[list[Host]]) -> Mapping[str, str] | None:
        """Each host's digest. Where all that templates use of a host is its name as it is, the text around that is made
        once; where it is nothing but what stands in its document beside its vars, all hosts share the rest."""
        shared = self.scopes.of(None)
        if uses == [("host", "name")] and (named := cook.named(shared)):
            names = [members[0].name for members in groups]
            self.part.renders += len(names)
            return dict(zip(names, map(named, names), strict=True))
        beside = all(scope == "host" for scope, *_ in uses)
        digests: dict[str, str] = {}
        for members in groups:
            first = members[0]
            self.part.renders += 1
            try:
                found = cook.own_digest({**shared, "host": host_scope(first)} if beside else self.scopes.of(first))
            except Unusable as error:
                self.part.hold([host.name for host in members], error.problem)
                continue
            if found is None:
                return None
            digests.update(dict.fromkeys((host.name for host in members), found))
        return digests


def _made(cook: Cook, hosts: Mapping[str, Host], scopes: _Scopes, name: str) -> Resource:
    """The resource of one of the hosts."""
    return cook.cook(scopes.of(hosts[name]))


def _rows(columns: list[Column], cohorts: Sequence[int]) -> dict[int, Slice]:
    if all(isinstance(column, Resource) for column in columns):
        return dict.fromkeys(cohorts, tuple(c for c in columns if isinstance(c, Resource)))
    each = [repeat(c, len(cohorts)) if isinstance(c, Resource) else map(c.__getitem__, cohorts) for c in columns]
    interned: dict[Slice, Slice] = {}
    rows = [*zip(*each, strict=True)]
    return dict(zip(cohorts, map(interned.setdefault, rows, rows), strict=True))
