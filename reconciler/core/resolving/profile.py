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
    have the same layout in the `before`; and so is each content of theirs."""

    def __init__(self, layouts: Mapping[str, Profile], owns: Owns, before: Profiles | None = None) -> None:
        self._layouts = layouts
        self._owns = owns
        self._made: dict[str, Profile] = {}
        self._contents: dict[tuple[Resource, str], Resource] = {}
        if before is not None and len(before._made) <= MOST:
            old, still = before._layouts, before._owns.keys() & owns.keys()
            self._made = {host: made for host, made in before._made.items() if layouts.get(host) is old[host]}
            self._contents = {of: made for of, made in before._contents.items() if of[0] in still}

    def __getitem__(self, host: str) -> Profile:
        layout = self._layouts[host]
        if not layout.varying:
            return layout
        if host not in self._made:
            resources = (self._own(r, host) if r in layout.varying else r for r in layout.resources)
            self._made[host] = Profile(tuple(resources), layout.digest)
        return self._made[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)

    def _own(self, sample: Resource, host: str) -> Resource:
        of = sample, host
        if of not in self._contents:
            self._contents[of] = self._owns[sample].make(host)
        return self._contents[of]


class Asked(Mapping[str, str]):
    """For each host a digest of everything that Git asks for there: the same digest, the same request. It is made when
    it is asked for, since most hosts are as they were the last time."""

    def __init__(self, layouts: Mapping[str, Profile], owns: Owns) -> None:
        self._layouts = layouts
        self._owns = owns
        self._sources: dict[Profile, list[Mapping[str, str]]] = {}

    def __getitem__(self, host: str) -> str:
        layout = self._layouts[host]
        sources = self._sources.get(layout)
        if sources is None:
            sources = [self._owns[r].digests for r in layout.resources if r in layout.varying]
            self._sources[layout] = sources
        if not sources:
            return layout.digest
        # As `model.digest`, but for digests alone, which are all of one length: there may be one for every host.
        own = "".join([digests[host] for digests in sources])
        return blake2b((layout.digest + own).encode(), digest_size=16).hexdigest()

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)

    def __contains__(self, host: object) -> bool:
        return host in self._layouts

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Asked):
            return self is other or NotImplemented
        # Those of one layout were asked the same.
        old = other._layouts
        return len(self) == len(other) and all(
            host in old and (layout is old[host] or self[host] == other[host]) for host, layout in self._layouts.items()
        )

    __hash__ = Mapping.__hash__


def layout_of(rows: tuple[tuple[Resource, ...], ...], owns: Owns) -> Profile:
    """The profile of these resources. Several services may ask for the very same: the first by name has it."""
    unique = {(r.key, r.digest): r for row in reversed(rows) for r in reversed(row)}
    resources = tuple(reversed(unique.values()))
    varying = frozenset(r for r in resources if r in owns)
    return Profile(resources, digest([__version__, *(described(r, varies=r in varying) for r in resources)]), varying)


def described(resource: Resource, *, varies: bool) -> list[object]:
    """All of a resource that planning looks at, for the digest."""
    refs = [[str(key) for key in keys] for keys in (resource.requires, resource.reload_on, resource.restart_on)]
    treated = [list(resource.ignore), resource.protect, resource.prune, resource.sensitive, resource.place.path]
    return [resource.service, *resource.key, "" if varies else resource.digest, *refs, *treated]
