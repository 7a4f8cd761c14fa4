"""Which services give what to which hosts: hosts that get the same from all of them share one row, and so one profile.

A service is put in, or taken out, of all rows that it concerns; the others stay the very same objects, so that a
change of one service costs what its hosts cost. Knows slices and profiles; knows nothing of templates or documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import compress
from operator import is_not, itemgetter

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
        """What `check_profile` says. The kinds are the same all along."""
        if self._findings is None or self._findings[0] != requires:
            self._findings = requires, tuple(check_profile(self.profile(owns), requires, registry))
        return self._findings[1]


@dataclass(slots=True)
class Rows:
    """Each host's row, and how many hosts have each. `touched` are the hosts whose row is not what it was at the start,
    in the order in which they are here."""

    by_host: dict[str, Row]
    many: Counter[Row]
    touched: dict[str, None] = field(default_factory=dict)
    _known: dict[tuple[tuple[str, Slice], ...], Row] = field(default_factory=dict)

    @classmethod
    def after(cls, before: Rows) -> Rows:
        """To go on from what was there."""
        return cls(dict(before.by_host), Counter(before.many), _known=dict(before._known))

    @classmethod
    def empty(cls, hosts: Iterable[str]) -> Rows:
        """Hosts that get nothing yet."""
        nothing = Row(())
        by_host = dict.fromkeys(hosts, nothing)
        return cls(by_host, Counter({nothing: len(by_host)}), dict.fromkeys(by_host), {(): nothing})

    def put(self, service: str, slices: Mapping[str, Slice], hosts: Collection[str]) -> None:
        """These hosts get from the service what is in `slices`, or nothing any more.

        Runs for every service and host there is, so hosts are only mapped; work is done for each different step.
        """
        before = [*map(self.by_host.__getitem__, hosts)]
        parts = [*map(slices.get, hosts)]
        # By identity: equal slices of a service are one tuple, and to hash what is in them would take longer.
        different = {id(part): part for part in parts}
        if len(different) == 1:
            rows = {row: self._step(row, parts[0], service, many) for row, many in Counter(before).items()}
            after = [*map(rows.__getitem__, before)]
        else:
            steps = [*zip(before, map(id, parts), strict=True)]
            counted = Counter(steps).items()
            stepped = {step: self._step(step[0], different[step[1]], service, many) for step, many in counted}
            after = [*map(stepped.__getitem__, steps)]
        self.by_host.update(zip(hosts, after, strict=True))
        if len(self.touched) < len(self.by_host):
            self.touched.update(dict.fromkeys(compress(hosts, map(is_not, before, after))))

    def _step(self, row: Row, part: Slice | None, service: str, many: int) -> Row:
        """The row of so many hosts that had the other one till now. Rows that nobody has are not kept, since they hold
        on to documents."""
        slices = {**dict(row.slices), service: part}
        key = tuple((name, there) for name, there in sorted(slices.items(), key=itemgetter(0)) if there is not None)
        if key == row.slices:
            return row
        after = self._known.setdefault(key, Row(key))
        self.many[after] += many
        self.many[row] -= many
        if not self.many[row]:
            del self.many[row], self._known[row.slices]
        return after
