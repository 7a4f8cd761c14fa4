"""Profiles: what hosts should have, shared as far as it is the same, each host's own content filled in when asked for.

Knows resources; knows nothing of documents or templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from reconciler import __version__
from reconciler.model.desired import Profile, Resource
from reconciler.model.digest import digest


@dataclass(frozen=True, slots=True)
class Own:
    """A resource whose content is each host's own: its digest by host, and how to make it for a host."""

    digests: Mapping[str, str]
    make: Callable[[str], Resource]


Owns = Mapping[Resource, Own]
"""By the sample that stands for the resource in layouts."""


MOST = 20_000
"""Profiles with own content that are kept for the next revision: those of hosts with something to do, not a fleet's."""


class Profiles(Mapping[str, Profile]):
    """Each host's whole profile. Those with own content are made at the first look and kept, also for the hosts that
    have the same layout in the `before`."""

    def __init__(self, layouts: Mapping[str, Profile], owns: Owns, before: Profiles | None = None) -> None:
        self._layouts = layouts
        self._owns = owns
        self._made: dict[str, Profile] = {}
        if before is not None and len(before._made) <= MOST:
            old = before._layouts
            self._made = {host: made for host, made in list(before._made.items()) if layouts[host] is old[host]}

    def __getitem__(self, host: str) -> Profile:
        layout = self._layouts[host]
        if not layout.varying:
            return layout
        if host not in self._made:
            resources = (self._owns[r].make(host) if r in layout.varying else r for r in layout.resources)
            self._made[host] = Profile(tuple(resources), layout.digest)
        return self._made[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)


def layout_of(rows: tuple[tuple[Resource, ...], ...], owns: Owns) -> Profile:
    """The profile of these resources. Several services may ask for the very same: the first by name has it."""
    unique = {(r.key, r.digest): r for row in reversed(rows) for r in reversed(row)}
    resources = tuple(reversed(unique.values()))
    varying = frozenset(r for r in resources if r in owns)
    return Profile(resources, digest([__version__, *(described(r, varies=r in varying) for r in resources)]), varying)


def asked(layouts: Mapping[str, Profile], owns: Owns) -> dict[str, str]:
    """For each host a digest of everything that Git asks for there: the same digest, the same request."""
    sources = {layout: _sources(layout, owns) for layout in set(layouts.values())}
    return {
        host: _joined(layout.digest, *[digests[host] for digests in own]) if (own := sources[layout]) else layout.digest
        for host, layout in layouts.items()
    }


def _sources(layout: Profile, owns: Owns) -> list[Mapping[str, str]]:
    """Where the digests stand of what is each host's own."""
    return [owns[r].digests for r in layout.resources if r in layout.varying]


def _joined(*of: str) -> str:
    """As `model.digest`, but for digests alone, which are all of one length: there is one for every host."""
    return blake2b("".join(of).encode(), digest_size=16).hexdigest()


def described(resource: Resource, *, varies: bool) -> list[object]:
    """All of a resource that planning looks at, for the digest."""
    refs = [[str(key) for key in keys] for keys in (resource.requires, resource.reload_on, resource.restart_on)]
    treated = [list(resource.ignore), resource.protect, resource.prune, resource.sensitive, resource.place.path]
    return [resource.service, *resource.key, "" if varies else resource.digest, *refs, *treated]
