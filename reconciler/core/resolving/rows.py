"""Which services give what to which cohorts: those that get the same from all share one row, and so one profile.

A service is put in, or taken out, of all rows that it concerns; the others stay the very same objects, so that a
change of one service costs what its cohorts cost. Knows slices and profiles; knows nothing of templates or documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from reconciler.core.resolving.cohorts import Cohorts
from reconciler.core.resolving.profile import Owns, layout_of
from reconciler.core.resolving.references import Finding, check_profile
from reconciler.kinds import Registry
from reconciler.model.desired import Profile, Resource

Slice = tuple[Resource, ...]
"""What one service wants on one host; hosts that get the same from it share the tuple."""

Requires = Mapping[str, tuple[str, ...]]
"""What each service requires."""


@dataclass(slots=True, eq=False)
class Row:
    """Slices by service, sorted. The profile and what is wrong with it are worked out when they are asked for."""

    slices: tuple[tuple[str, Slice], ...]
    _profile: Profile | None = None
    _findings: tuple[Requires, tuple[Finding, ...]] | None = None

    def profile(self, owns: Owns) -> Profile:
        if self._profile is None:
            self._profile = layout_of(tuple(part for _, part in self.slices), owns)
        return self._profile

    def findings(self, owns: Owns, requires: Requires, registry: Registry) -> tuple[Finding, ...]:
        """What `check_profile` says; once for the same `requires`. The kinds are the same all along."""
        if self._findings is None or self._findings[0] is not requires:
            self._findings = requires, tuple(check_profile(self.profile(owns), requires, registry))
        return self._findings[1]


@dataclass(slots=True)
class Rows:
    """Each cohort's row, and how many cohorts have each. `touched` are the cohorts whose row is not what it was at the
    start."""

    by_cohort: dict[int, Row]
    many: Counter[Row]
    touched: dict[int, None] = field(default_factory=dict)
    _known: dict[tuple[tuple[str, Slice], ...], Row] = field(default_factory=dict)

    @classmethod
    def after(cls, before: Rows) -> Rows:
        """To go on from what was there."""
        return cls(dict(before.by_cohort), Counter(before.many), _known=dict(before._known))

    @classmethod
    def empty(cls, cohorts: int) -> Rows:
        """Nobody gets anything yet, of so many cohorts."""
        nothing = Row(())
        by_cohort = dict.fromkeys(range(cohorts), nothing)
        return cls(by_cohort, Counter({nothing: cohorts}), dict.fromkeys(by_cohort), {(): nothing})

    def moved(self, parents: Sequence[int]) -> Rows:
        """The same by finer cohorts, each of which is a part of the one that is its parent."""
        by_cohort = {number: self.by_cohort[at] for number, at in enumerate(parents)}
        return Rows(by_cohort, Counter(by_cohort.values()), _known=dict(self._known))

    def put(self, service: str, slices: Mapping[int, Slice], cohorts: Iterable[int]) -> None:
        """These cohorts get from the service what is in `slices`, or nothing any more."""
        steps: dict[tuple[Row, int], Row] = {}
        for cohort in cohorts:
            row, part = self.by_cohort[cohort], slices.get(cohort)
            # By identity: equal slices of a service are one tuple, and to hash what is in them would take longer.
            step = row, id(part)
            if step not in steps:
                steps[step] = self._known_or_new(_with(row, service, part))
            after = steps[step]
            if after is not row:
                self._move(cohort, after)

    def _known_or_new(self, slices: tuple[tuple[str, Slice], ...]) -> Row:
        return self._known.get(slices) or Row(slices)

    def _move(self, cohort: int, after: Row) -> None:
        """Rows that no cohort has are not kept, since they hold on to documents."""
        row = self.by_cohort[cohort]
        self.by_cohort[cohort] = self._known[after.slices] = after
        self.touched[cohort] = None
        self.many[after] += 1
        self.many[row] -= 1
        if not self.many[row]:
            del self.many[row], self._known[row.slices]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Which row every host has: that of its cohort, but for hosts that are `apart`."""

    cohorts: Cohorts
    rows: Rows
    apart: Mapping[str, Row]

    @classmethod
    def without(cls, services: Mapping[str, Collection[str]], cohorts: Cohorts, rows: Rows) -> Given:
        """Some hosts don't get some services, whatever their cohort gets."""
        made: dict[tuple[Row, frozenset[str]], Row] = {}
        apart: dict[str, Row] = {}
        for host, names in services.items():
            row = rows.by_cohort[cohorts.with_host(host)]
            step = row, frozenset(names)
            if step not in made:
                made[step] = _without(row, names)
            if made[step] is not row:
                apart[host] = made[step]
        return cls(cohorts, rows, apart)

    def each(self) -> Iterator[tuple[Row, Sequence[str]]]:
        """Rows, each perhaps several times, with hosts that have them."""
        return self._of(range(len(self.cohorts.members)), self.apart)

    def rooted(self) -> Iterator[tuple[Row, Sequence[str]]]:
        """As `each`, of hosts whose `/` is a directory."""
        cohorts = self.cohorts.rooted
        names = self.apart.keys() & set(self.cohorts.names(cohorts)) if self.apart else ()
        return self._of(cohorts, names)

    def _of(self, cohorts: Iterable[int], apart: Iterable[str]) -> Iterator[tuple[Row, Sequence[str]]]:
        for cohort in cohorts:
            names = self.cohorts.members[cohort]
            yield self.rows.by_cohort[cohort], [n for n in names if n not in self.apart] if self.apart else names
        for host in apart:
            yield self.apart[host], (host,)


def _without(row: Row, services: Collection[str]) -> Row:
    slices = tuple((name, part) for name, part in row.slices if name not in services)
    return row if slices == row.slices else Row(slices)


def _with(row: Row, service: str, part: Slice | None) -> tuple[tuple[str, Slice], ...]:
    slices = {**dict(row.slices), service: part}
    return tuple((name, there) for name, there in sorted(slices.items(), key=itemgetter(0)) if there is not None)
