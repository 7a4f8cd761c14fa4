"""Drift over some time, counted: what drifted, where, whose it is, how often, and what ended it.

Made of the history of drift and of what Git says now; asks nobody. Works on sets of hosts, for each episode. Knows
nothing of how it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

from reconciler.core.recording.past import Past, by_thing, pasts
from reconciler.model.desired import Desired, Resource
from reconciler.model.episode import Ending, Episode, Thing
from reconciler.model.key import Place

MOST_POINTS = 60
"""On a chart of drift over time."""
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STEPS = (
    *(n * _MINUTE for n in (1, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30)),
)
SITE = "site"
"""The label by which places are told apart where no rollout names one."""
NOWHERE, GONE = "(without it)", "(left Git)"
"""Hosts without the label, and hosts that Git does not know any more."""

Part: TypeAlias = tuple[str, Sequence[str]]
"""A name, and the hosts of an episode that are counted under it."""


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment until another, which is now."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """What is counted under one name: things that drifted, hosts on which something did, drifts (a thing on a host,
    once), and how many of these go on."""

    name: str
    owner: str
    things: int
    hosts: int
    drifts: int
    going_on: int


@dataclass(frozen=True, slots=True)
class Point:
    """The time until `at`: drifts that began and that ended in it (by what ended them), and that went on at its end."""

    at: datetime
    going_on: int
    begun: int
    ended: Mapping[Ending, int]


@dataclass(frozen=True, slots=True)
class Story:
    """One thing's history. `owner` and `place` are what Git says now: empty and None for what has left it."""

    thing: Thing
    past: Past
    episodes: tuple[Episode, ...]
    owner: str = ""
    project: str = ""
    resource: Resource | None = None

    @property
    def place(self) -> Place | None:
        return self.resource.place if self.resource else None

    @property
    def last(self) -> Episode:
        """One that goes on, or else the last that ended."""
        return max(self.episodes, key=lambda each: (each.until is None, each.until or each.since))


@dataclass(frozen=True, slots=True)
class Report:
    """`fleet` is the number of hosts that Git knows, `sites` go by the label `label`. Shares are sorted, the most
    drifts first; `hosts` maps each host that drifted to its site."""

    period: Period
    revision: str
    fleet: int
    label: str
    stories: tuple[Story, ...]
    services: tuple[Share, ...]
    sites: tuple[Share, ...]
    kinds: tuple[Share, ...]
    fields: tuple[Share, ...]
    points: tuple[Point, ...]
    hosts: Mapping[str, str] = field(default_factory=dict)

    @property
    def drifting(self) -> int:
        """Hosts on which something drifts now."""
        return len(frozenset[str]().union(*(story.past.drifting for story in self.stories)))

    @property
    def going_on(self) -> int:
        return sum(share.going_on for share in self.services)

    @property
    def drifts(self) -> int:
        return sum(share.drifts for share in self.services)

    @property
    def ended(self) -> Mapping[Ending, int]:
        total: Counter[Ending] = Counter()
        for story in self.stories:
            total.update(story.past.ended)
        return total

    @property
    def recurring(self) -> list[Story]:
        """What came back on a host, the most often first."""
        found = [story for story in self.stories if story.past.times > 1]
        return sorted(found, key=lambda s: (-s.past.healed, -s.past.times, -s.past.drifts, s.thing))

    @property
    def oldest(self) -> list[Story]:
        """What goes on, for the longest time first."""
        found = [(story.past.since, story.thing, story) for story in self.stories if story.past.since]
        return [story for *_, story in sorted(found, key=lambda each: each[:2])]

    @property
    def fights(self) -> list[Story]:
        return [story for story in self.recurring if story.past.fighting]


def report(episodes: Sequence[Episode], desired: Desired, period: Period, label: str = "") -> Report:
    """The report of a time, from the episodes that had not ended when it began. Without a label places are told apart
    by the failure domain that most services name."""
    label = label or usual_label(desired)
    site = _sites(episodes, desired, label)
    shares = _Shares(desired)
    by_site = _by_site(site)
    return Report(
        period=period,
        revision=desired.revision,
        fleet=len(desired.hosts),
        label=label,
        stories=_stories(episodes, desired),
        services=shares.of(episodes, lambda e: [(e.thing.service, e.hosts)], owned=True),
        sites=shares.of(episodes, by_site),
        kinds=shares.of(episodes, lambda e: [(e.thing.key.kind, e.hosts)]),
        fields=shares.of(episodes, _by_field),
        points=tuple(_points(episodes, period)),
        hosts=site,
    )


def usual_label(desired: Desired) -> str:
    """The failure domain that most services name; `site` where none does."""
    named = Counter(s.rollout.failure_domain for s in desired.services.values() if s.rollout.failure_domain)
    return min(named, key=lambda name: (-named[name], name), default=SITE)


def resources(desired: Desired) -> dict[Thing, Resource]:
    """What Git asks for now, each thing once: from the distinct profiles, not from the hosts."""
    layouts = {id(layout): layout for layout in desired.layouts.values()}
    return {Thing(r.service, r.key): r for layout in layouts.values() for r in layout.resources}


def _stories(episodes: Sequence[Episode], desired: Desired) -> tuple[Story, ...]:
    asked, past = resources(desired), pasts(episodes)
    stories: list[Story] = []
    for thing, members in by_thing(episodes).items():
        service = desired.services.get(thing.service)
        owner, project = (service.owner, service.project) if service else ("", "")
        stories.append(Story(thing, past[thing], tuple(members), owner, project, asked.get(thing)))
    return tuple(sorted(stories, key=lambda s: (-len(s.past.drifting), -s.past.drifts, s.thing)))


def _sites(episodes: Sequence[Episode], desired: Desired, label: str) -> dict[str, str]:
    touched = frozenset[str]().union(*(episode.hosts for episode in episodes))
    known = desired.hosts
    return {h: known[h].labels.get(label, NOWHERE) if h in known else GONE for h in sorted(touched)}


def _by_site(site: Mapping[str, str]) -> Callable[[Episode], Iterable[Part]]:
    def parts(episode: Episode) -> Iterable[Part]:
        found: dict[str, list[str]] = {}
        for host in episode.hosts:
            found.setdefault(site[host], []).append(host)
        return found.items()

    return parts


def _by_field(episode: Episode) -> Iterator[Part]:
    for name in field_names(episode):
        yield name, episode.hosts


def field_names(episode: Episode) -> list[str]:
    """The fields that drift, by kind; for what is there or not as a whole, that."""
    how, kind = episode.manner, episode.thing.key.kind
    if how.action in WHOLE:
        return [f"{kind}: {WHOLE[how.action]}"]
    return [f"{kind}.{path}" for path in how.paths]


ENDINGS: tuple[Ending, ...] = ("us", "host", "git")
WHOLE = {"create": "removed", "delete": "came back"}
"""What a host did to a thing as a whole, by what would undo it."""


@dataclass(slots=True)
class _Count:
    things: set[Thing] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    drifts: int = 0
    going_on: int = 0


@dataclass(frozen=True, slots=True)
class _Shares:
    desired: Desired

    def of(
        self, episodes: Iterable[Episode], parts: Callable[[Episode], Iterable[Part]], *, owned: bool = False
    ) -> tuple[Share, ...]:
        counts: dict[str, _Count] = {}
        for episode in episodes:
            for name, hosts in parts(episode):
                count = counts.setdefault(name, _Count())
                count.things.add(episode.thing)
                count.hosts.update(hosts)
                count.drifts += len(hosts)
                count.going_on += len(hosts) if episode.until is None else 0
        shares = [self._share(name, count, owned=owned) for name, count in counts.items()]
        return tuple(sorted(shares, key=lambda s: (-s.drifts, -s.going_on, s.name)))

    def _share(self, name: str, count: _Count, *, owned: bool) -> Share:
        service = self.desired.services.get(name) if owned else None
        owner = service.owner if service else ""
        return Share(name, owner, len(count.things), len(count.hosts), count.drifts, count.going_on)


def _points(episodes: Sequence[Episode], period: Period) -> Iterator[Point]:
    edges = list(_edges(period))
    step = edges[1] - edges[0]

    def span(moment: datetime) -> int:
        """Which one it is in; before all: -1."""
        return max(-1, min(len(edges) - 2, (moment - period.since) // step))

    began, over = Counter[int](), Counter[tuple[int, Ending]]()
    for episode in episodes:
        began[span(episode.since)] += len(episode.hosts)
        if episode.until is not None and episode.ended is not None:
            over[span(episode.until), episode.ended] += len(episode.hosts)
    level = began[-1] - sum(number for (at, _), number in over.items() if at < 0)
    for at, (_, end) in enumerate(pairwise(edges)):
        ended = {ending: over[at, ending] for ending in ENDINGS if over[at, ending]}
        level += began[at] - sum(ended.values())
        yield Point(end, level, began[at], ended)


def _edges(period: Period) -> Iterator[datetime]:
    """Evenly, the last one is now or a little later."""
    length = period.until - period.since
    step = next((each for each in _STEPS if length <= each * MOST_POINTS), length / MOST_POINTS)
    edge = period.since
    yield edge
    while edge < period.until or edge == period.since:
        edge += step
        yield edge
