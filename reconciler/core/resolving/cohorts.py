"""Cohorts: hosts that no selector and no template tells apart, but for what is each host's own. What is asked of hosts
is worked out for cohorts, of which there are few.

Knows hosts, selectors and the values that are used; knows nothing of resources.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, compress
from operator import attrgetter
from typing import Any, TypeVar

from reconciler.core.linking.link import LinkedService
from reconciler.core.resolving.render import Use
from reconciler.core.resolving.values import column
from reconciler.model.desired import Host
from reconciler.model.document import Selector

T = TypeVar("T")

ELSE = "\0else"
"""Stands for values of a label that no selector names: it is no value that a label can have."""


@dataclass(frozen=True, eq=False)
class Marked:
    """All hosts, sorted by name. What they have of a value is looked up once."""

    all: tuple[Host, ...]
    _columns: dict[Use, list[Any]] = field(default_factory=dict)

    def column(self, use: Use) -> list[Any]:
        """What each host has of a value, such that different ones are told apart."""
        whole = use[:3] if use[:2] == ("host", "labels") else use[:2]
        if whole not in self._columns:
            self._columns[whole] = column(whole, self.all)
        return self._columns[whole]

    @cached_property
    def _vars(self) -> dict[int, frozenset[str]]:
        """The names of vars that hosts set themselves, by what identifies the vars: hosts have few different ones."""
        known: dict[frozenset[str], frozenset[str]] = {}
        each = {id(host.vars): host.vars for host in self.all}
        return {number: known.setdefault(names := frozenset(own), names) for number, own in each.items()}

    @cached_property
    def _set_somewhere(self) -> frozenset[str]:
        return frozenset[str]().union(*set(self._vars.values()))

    def overridden(self, uses: Iterable[Use], mask: bytes) -> frozenset[str]:
        """The vars, of those that are used, that some of the hosts set themselves."""
        used = {use[1] for use in uses if use[0] == "vars" and len(use) > 1}
        wanted = self._set_somewhere if ("vars",) in uses else self._set_somewhere & used
        sets = {self._vars[id(host.vars)] for host in compress(self.all, mask)} if wanted else ()
        return wanted & frozenset[str]().union(*sets)


@dataclass(frozen=True, slots=True)
class Traits:
    """What hosts are told apart by: the values of labels that selectors name, by label, and the values that templates
    use, each with the hosts on which it is used (a mask as one number)."""

    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    used: Mapping[Use, int] = field(default_factory=dict)


def together(all_of_them: Iterable[Traits]) -> Traits:
    """What tells apart all that any of them does."""
    named: dict[str, frozenset[str]] = {}
    used: dict[Use, int] = {}
    for traits in all_of_them:
        named.update((key, named.get(key, frozenset()) | values) for key, values in traits.named.items())
        used.update((use, used.get(use, 0) | where) for use, where in traits.used.items())
    return Traits(named, used)


def traits_of(service: LinkedService, uses: Iterable[Use]) -> Traits:
    """What the service tells hosts apart by: who is one of its own, and the values that matter there."""
    where = int.from_bytes(service.mask, "little")
    return Traits(_named(service.document.selector), dict.fromkeys(uses, where))


def _named(selector: Selector) -> dict[str, frozenset[str]]:
    found = {key: frozenset((value,)) for key, value in selector.match_labels.items()}
    for expression in selector.match_expressions:
        found[expression.key] = found.get(expression.key, frozenset()).union(expression.values)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """All cohorts, numbered in the order of their first hosts. `of` is each host's, in the order of all hosts; `first`
    the position of the first host of each; `members` are the names, sorted."""

    hosts: Marked
    traits: Traits
    of: Sequence[int]
    first: Sequence[int]
    members: Sequence[Sequence[str]]

    def within(self, service: LinkedService) -> list[int]:
        """The cohorts whose hosts are those of a service: it has all hosts of a cohort or none."""
        mask = service.mask
        return [*compress(range(len(self.first)), [mask[at] for at in self.first])]

    @property
    def rooted(self) -> list[int]:
        """Those of hosts whose `/` is a directory."""
        return [cohort for cohort, at in enumerate(self.first) if self.hosts.all[at].root]

    def sample(self, cohort: int) -> Host:
        return self.hosts.all[self.first[cohort]]

    def names(self, cohorts: Iterable[int]) -> Iterator[str]:
        """The names of all hosts of some cohorts."""
        return chain.from_iterable(map(self.members.__getitem__, cohorts))

    def with_host(self, name: str) -> int:
        """The cohort of a host."""
        return self.of[bisect_left(self.hosts.all, name, key=attrgetter("name"))]

    def alike(self, uses: Iterable[Use], cohorts: Iterable[int]) -> list[list[int]]:
        """Cohorts by the values that a template uses: those of a group get equal results."""
        columns = [self.hosts.column(use) for use in uses]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for cohort in cohorts:
            at = self.first[cohort]
            groups.setdefault(tuple(values[at] for values in columns), []).append(cohort)
        return [*groups.values()]

    def spread(self, each: Sequence[T]) -> dict[str, T]:
        """What there is for each cohort, by host, in the order of all hosts."""
        names = [host.name for host in self.hosts.all]
        return dict(zip(names, map(each.__getitem__, self.of), strict=True))

    def parents(self, finer: Cohorts) -> list[int]:
        """The cohort here of which each of the finer ones is a part."""
        return [self.of[at] for at in finer.first]

    def told_by(self, traits: Traits) -> Cohorts:
        """Cohorts that these traits tell apart as well: none of them is in two of those here, which are given back if
        they do already. Finer ones than need be only cost time, so nothing is put together again."""
        both = together((self.traits, traits))
        return self if both == self.traits else cohorts(self.hosts, both)


def cohorts(hosts: Marked, traits: Traits = Traits()) -> Cohorts:
    """The hosts by what tells them apart. Where `/` is a directory, hosts are by themselves too."""
    columns: list[Iterable[Any]] = [map(attrgetter("root"), hosts.all)]
    columns += [_only(hosts.column(("host", "labels", key)), values) for key, values in sorted(traits.named.items())]
    columns += [_where(hosts.column(use), where) for use, where in sorted(traits.used.items())]
    keys = [*zip(*columns, strict=True)]
    # Backwards, so that the first of equal ones is what stays.
    first = sorted(dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True)).values())
    numbers = {keys[at]: number for number, at in enumerate(first)}
    of = [*map(numbers.__getitem__, keys)]
    members: list[list[str]] = [[] for _ in first]
    for host, number in zip(hosts.all, of, strict=True):
        members[number].append(host.name)
    return Cohorts(hosts, traits, of, first, members)


def _only(values: Sequence[str | None], named: frozenset[str]) -> Iterable[str | None]:
    """Labels as selectors see them: which of the values that they name, another one, or none."""
    seen = {value: value if value is None or value in named else ELSE for value in set(values)}
    return map(seen.__getitem__, values)


def _where(values: Sequence[Any], where: int) -> Iterable[Any]:
    """Values of the hosts on which they are used; of others nothing."""
    used = where.to_bytes(len(values), "little")
    return values if all(used) else [value if here else None for value, here in zip(values, used, strict=True)]
