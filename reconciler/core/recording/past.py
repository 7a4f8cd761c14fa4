"""What the history of drift says of each thing: since when, how often, what ended it, and whether two fight over it.

Reads episodes; works on sets of hosts. Knows nothing of how it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.core.assessing.drift import Drifted
from reconciler.model.episode import Ending, Episode, Thing

DAY = timedelta(days=1)
FIGHT = 3
"""So often healed within a day on one host means that somebody else sets it too."""


@dataclass(frozen=True, slots=True)
class Past:
    """One thing's history in some time. Drifts are counted for each host: `drifts` altogether, `times` the most on one;
    `ended` by what ended them. `healed` is the most often that runs healed it on one host within a day, and `fighting`
    are the hosts (sorted) on which that is a fight. `since` is when the oldest that goes on began."""

    drifts: int = 0
    times: int = 0
    hosts: frozenset[str] = frozenset()
    drifting: frozenset[str] = frozenset()
    ended: Mapping[Ending, int] = field(default_factory=dict)
    healed: int = 0
    fighting: tuple[str, ...] = ()
    since: datetime | None = None


def pasts(episodes: Iterable[Episode]) -> dict[Thing, Past]:
    """The history of each thing."""
    return {thing: past(members) for thing, members in by_thing(episodes).items()}


def past(episodes: Sequence[Episode]) -> Past:
    """The history of one thing, from its episodes."""
    times: Counter[str] = Counter()
    ended: Counter[Ending] = Counter()
    for episode in episodes:
        times.update(episode.hosts)
        if episode.ended is not None:
            ended[episode.ended] += len(episode.hosts)
    going_on = [episode for episode in episodes if episode.until is None]
    healed, fighting = _fight(episodes)
    return Past(
        drifts=times.total(),
        times=max(times.values(), default=0),
        hosts=frozenset(times),
        drifting=frozenset(host for episode in going_on for host in episode.hosts),
        ended=ended,
        healed=healed,
        fighting=tuple(sorted(fighting)),
        since=min((episode.since for episode in going_on), default=None),
    )


def by_thing(episodes: Iterable[Episode]) -> dict[Thing, list[Episode]]:
    """Each thing with its episodes."""
    found: dict[Thing, list[Episode]] = {}
    for episode in episodes:
        found.setdefault(episode.thing, []).append(episode)
    return found


def on_hosts(episodes: Iterable[Episode], hosts: Collection[str]) -> list[Episode]:
    """Those of these hosts, on them alone."""
    both = [(episode, frozenset(hosts).intersection(episode.hosts)) for episode in episodes]
    return [replace(episode, hosts=tuple(sorted(here))) for episode, here in both if here]


def recalled(drift: Sequence[Drifted], episodes: Sequence[Episode]) -> list[Drifted]:
    """What drifts, since when it really does: a host that changes once more was not in order in between."""
    known = by_thing(episode for episode in episodes if episode.until is None)
    return [_recalled(each, known.get(Thing(each.service, each.key), ())) for each in drift]


def _recalled(drift: Drifted, episodes: Sequence[Episode]) -> Drifted:
    since = dict(drift.since)
    for episode in episodes:
        for host in since.keys() & set(episode.hosts):
            since[host] = min(since[host] or episode.since, episode.since)
    return replace(drift, since=since)


def _fight(episodes: Sequence[Episode]) -> tuple[int, set[str]]:
    """The most often that runs healed it on one host within a day; and the hosts on which they did so often enough."""
    healings = sorted(((e.until, e.hosts) for e in episodes if e.ended == "us" and e.until), key=lambda each: each[0])
    within: Counter[str] = Counter()
    fighting: set[str] = set()
    most = first = 0
    for until, hosts in healings:
        while until - healings[first][0] >= DAY:
            within.subtract(healings[first][1])
            first += 1
        within.update(hosts)
        here = max(within[host] for host in hosts)
        most = max(most, here)
        if here >= FIGHT:
            fighting.update(host for host in hosts if within[host] >= FIGHT)
    return most, fighting
