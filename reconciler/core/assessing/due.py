"""The values that assessing hosts gives and ordering takes: what is due, what is stuck, on which hosts.

Plain data. Knows nothing of how it is found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from reconciler.core.assessing.compare import Comparison, Different, Equal, NotKnown, compare
from reconciler.core.observing.ask import Questions
from reconciler.kinds import Registry
from reconciler.kinds.base import Token
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Owned
from reconciler.model.plan import Blocked, Cause, Change, Release

GONE = "it is gone already"
"""Why something of ours that Git does not ask for any more is forgotten without a word."""
NOT_OBSERVED = "not observed yet"
"""Why nothing is known of a host or resource that was never asked (this question)."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Hosts that are alike in everything that matters: profile, answers, our records, services held on them."""

    profile: Profile
    facts: Mapping[Key, Fact]
    records: Mapping[Key, Owned]
    held: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """A change that is due, with what ordering has to know. `triggers` are what a restart or reload answers to;
    `needs` are the services that must be served first when the service itself has left Git."""

    change: Change
    service: str
    index: int
    prune: bool = False
    requires: tuple[Key, ...] = ()
    provides: frozenset[Token] = frozenset()
    after: frozenset[Token] = frozenset()
    triggers: tuple[Key, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stuck:
    """A resource that can't be planned. `root` is the resource behind it, when it only waits for that."""

    key: Key
    service: str
    reason: str
    message: str
    root: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pruned:
    """What becomes of things on record that Git does not ask for: deleted, left alone, or forgotten (with why)."""

    dues: tuple[Due, ...]
    stuck: tuple[Stuck, ...]
    released: tuple[tuple[Owned, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What is to be done on hosts that are alike. `equal` are in order but not on record so (adopted, or Git and host
    moved to the same)."""

    dues: tuple[Due, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    released: tuple[tuple[Owned, str], ...] = ()
    equal: tuple[tuple[Resource, Fact], ...] = ()
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Assessment:
    """Verdicts with the hosts that share each, sorted by first host. `comparisons` counts comparisons of fields,
    `settled` the resources of hosts that were known to be in order. `judged` is for the next assessment. `expected` are
    resources of which it is not known on all hosts how they are."""

    verdicts: tuple[tuple[Verdict, tuple[str, ...]], ...]
    blocked: tuple[Blocked, ...]
    releases: tuple[Release, ...]
    unknown: int
    comparisons: int
    settled: int = 0
    judged: Judged | None = None
    expected: frozenset[Key] = frozenset()


SETTLED = Equal(settled=True)
"""What nearly all comparisons come to."""
Reaction: TypeAlias = tuple[Resource, int, tuple[Key, ...], Cause]
"""A resource at its position in the profile, what it answers to, and why: equal ones are one restart or reload."""
Alike: TypeAlias = tuple[Profile, int, int, frozenset[str]]
"""What makes hosts alike: profile, identity of the (interned) answers and of our records, services held."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Verdicts by what makes hosts alike, with the group, whose objects have to live for that to mean anything; and
    what else of the desired state and the kinds they rest on."""

    rest: tuple[object, ...]
    verdicts: Mapping[Alike, tuple[Group, Verdict]]


@dataclass(frozen=True, slots=True, eq=False)
class Focus:
    """Which hosts to look at, the others being in order; what was found the last time; and for hosts that stand in for
    others, all of them. `expecting`: what hosts were not asked for yet is taken as Git lets expect it, see `Look`."""

    hosts: Collection[str]
    before: Judged | None = None
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expecting: bool = False


@dataclass(slots=True)
class Look:
    """What assessing looks at, with the comparisons done already: (resource, answer, what was asked for last); and
    what is due by each of them, at a position in the profile. `known` are those of the same answers and records, which
    are interned; `reactions` are restarts and reloads by what they are.

    While `expecting`, a host that was asked another question about a resource is taken to be as it answered, and one
    that was never asked not to have it: so that a change can be shown before hosts are asked. What comes of it is
    never run. `expected` are those resources.
    """

    desired: Desired
    registry: Registry
    questions: Questions
    expecting: bool = False
    expected: set[Key] = field(default_factory=set)
    done: dict[tuple[Resource, str, str, str], Comparison] = field(default_factory=dict)
    known: dict[tuple[Resource, Fact | None, int], Comparison] = field(default_factory=dict)
    dues: dict[tuple[int, int], Due] = field(default_factory=dict)
    reactions: dict[Reaction, Due] = field(default_factory=dict)

    def compare(self, group: Group) -> list[Comparison]:
        """How each resource of the profile is on the hosts of a group. By whole columns, since there are as many of
        them as hosts that are unlike."""
        resources = group.profile.resources
        keys = [resource.key for resource in resources]
        facts, records = [*map(group.facts.get, keys)], [*map(group.records.get, keys)]
        same = [*zip(resources, facts, map(id, records), strict=True)]
        found = [*map(self.known.get, same)]
        for at in [at for at, comparison in enumerate(found) if comparison is None]:
            found[at] = self.known[same[at]] = self._compared(resources[at], facts[at], records[at])
        return cast("list[Comparison]", found)

    def _compared(self, resource: Resource, fact: Fact | None, owned: Owned | None) -> Comparison:
        """What is equal by digest is settled without a look at fields."""
        if fact is None or fact.query != self.questions.of(resource)[1]:
            return self._expectation(resource, fact, owned) if self.expecting else NotKnown(NOT_OBSERVED)
        if owned and owned.desired == resource.digest and owned.facts == fact.facts_digest:
            return SETTLED if _as_recorded(owned, resource) else Equal()
        key = (resource, fact.facts_digest, owned.desired if owned else "", _sealed(owned))
        if key not in self.done:
            self.done[key] = compare(resource, self.registry[resource.key.kind], fact, owned)
        return self.done[key]

    def _expectation(self, resource: Resource, fact: Fact | None, owned: Owned | None) -> Comparison:
        key = (resource, fact.facts_digest if fact else "", owned.desired if owned else "", "expected")
        if key not in self.done:
            found = compare(resource, self.registry[resource.key.kind], fact, owned)
            self.done[key] = NotKnown(NOT_OBSERVED) if isinstance(found, NotKnown) else found
        if isinstance(self.done[key], Different):
            self.expected.add(resource.key)
        return self.done[key]


def _sealed(owned: Owned | None) -> str:
    """What hosts answered when a secret was put there: it can differ between hosts that were asked for the same."""
    kept = [value for value in owned.state.values() if isinstance(value, dict)] if owned else []
    return digest(kept) if kept else ""


def _as_recorded(owned: Owned, resource: Resource) -> bool:
    """Whether our record says of the resource what Git says now, beside the state of the host: whose it is, where it
    comes from, and how it is to be treated when it leaves."""
    ours = (owned.service, owned.path, owned.protect, owned.prune, owned.requires)
    return ours == (resource.service, resource.place.path, resource.protect, resource.prune, resource.requires)
