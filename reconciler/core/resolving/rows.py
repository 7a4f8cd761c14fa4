"""Which services give what to which hosts: hosts that get the same from all of them share one row, and so one profile.

A service is put in, or taken out, of all rows that it concerns; the others stay the very same objects, so that a
change of one service costs what its hosts cost. Knows slices and profiles; knows nothing of templates or documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

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
    """Each host's row. `touched` are the hosts whose row is not what it was at the start."""

    by_host: dict[str, Row]
    touched: set[str] = field(default_factory=set)
    _known: dict[tuple[tuple[str, Slice], ...], Row] = field(default_factory=dict)

    @classmethod
    def after(cls, before: Mapping[str, Row]) -> Rows:
        """To go on from what was there."""
        return cls(dict(before), _known={row.slices: row for row in set(before.values())})

    @classmethod
    def empty(cls, hosts: Iterable[str]) -> Rows:
        """Hosts that get nothing yet."""
        nothing = Row(())
        by_host = dict.fromkeys(hosts, nothing)
        return cls(by_host, set(by_host), {(): nothing})

    def put(self, service: str, slices: Mapping[str, Slice], hosts: Iterable[str]) -> None:
        """These hosts get from the service what is in `slices`, or nothing any more."""
        steps: dict[tuple[Row, Slice | None], Row] = {}
        rows = self.by_host
        for host in hosts:
            step = (rows[host], slices.get(host))
            row = steps.get(step)
            if row is None:
                row = steps[step] = self._with(*step, service)
            if row is not step[0]:
                rows[host] = row
                self.touched.add(host)

    def _with(self, row: Row, part: Slice | None, service: str) -> Row:
        slices = {**dict(row.slices), service: part}
        key = tuple((name, there) for name, there in sorted(slices.items(), key=itemgetter(0)) if there is not None)
        if key == row.slices:
            return row
        return self._known.setdefault(key, Row(key))
