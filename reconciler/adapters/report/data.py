"""What a page of drift carries for its script: every thing with its episodes and hosts, packed so that a fleet fits.

Hosts are numbered by site and name; a set of them is written as runs of numbers, once for all that share it. All text
is made harmless here. Must not know what the page looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from reconciler.core.explain.past_text import manner_text
from reconciler.core.explain.report import Report, Story
from reconciler.core.words import printable
from reconciler.model.episode import Episode

HOST_BYTES: Final = 1_250_000
SET_BYTES: Final = 950_000
THING_BYTES: Final = 600_000
"""What of each a page has room for: together less than 3 MB. The rest is left to the other formats, and the page says
so."""
EPISODES: Final = 12
"""Of each thing, the newest."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Packed:
    """`things` were left out, or hosts of some, where that is said."""

    json: str
    left_out: int
    hosts_cut: bool


@dataclass(slots=True)
class _Packing:
    numbers: dict[str, int]
    sets: list[str] = field(default_factory=list)
    room: int = SET_BYTES
    cut: bool = False
    _known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def hosts(self, hosts: tuple[str, ...]) -> int:
        """The number of the set; -1 where there is no room for it."""
        if hosts not in self._known:
            there = sorted(self.numbers[host] for host in hosts if host in self.numbers)
            text = runs(there)
            fits = len(text) <= self.room and len(there) == len(hosts)
            self.cut = self.cut or not fits
            self.room -= len(text) if fits else 0
            self._known[hosts] = len(self.sets) if fits else -1
            if fits:
                self.sets.append(text)
        return self._known[hosts]


def packed(report: Report) -> Packed:
    """The page's data as JSON in which nothing ends a script element."""
    ordered = sorted(report.hosts.items(), key=lambda item: (item[1], item[0]))
    hosts = _fitting([(site, printable(name), name) for name, site in ordered])
    packing = _Packing({name: number for number, (_, _, name) in enumerate(hosts)}, cut=len(hosts) < len(ordered))
    # Those first that searching goes by.
    for story in report.stories:
        packing.hosts(tuple(sorted(story.past.hosts)))
    things: list[dict[str, Any]] = []
    room = THING_BYTES
    for story in report.stories:
        thing = _thing(story, packing)
        room -= len(orjson.dumps(thing))
        if room < 0:
            break
        things.append(thing)
    document = {
        "hosts": [shown for _, shown, _ in hosts],
        "sites": _sites([site for site, _, _ in hosts]),
        "sets": packing.sets,
        "things": things,
        "now": int(report.period.until.timestamp()),
    }
    text = orjson.dumps(document).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Packed(text, len(report.stories) - len(things), packing.cut)


def runs(numbers: Sequence[int]) -> str:
    """Ascending numbers as `gap` or `gap+more` in base 36: how many are passed over, and how many follow one another
    after the first."""
    parts: list[str] = []
    at, expected = 0, 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        gap = _base36(numbers[at] - expected)
        parts.append(gap if end == at else f"{gap}+{_base36(end - at)}")
        expected, at = numbers[end] + 1, end + 1
    return ",".join(parts)


def _base36(number: int) -> str:
    text = _DIGITS[number % 36]
    while number := number // 36:
        text = _DIGITS[number % 36] + text
    return text


def _fitting(hosts: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    room, kept = HOST_BYTES, []
    for each in hosts:
        room -= len(each[1].encode()) + 3
        if room < 0:
            break
        kept.append(each)
    return kept


def _sites(sites: Iterable[str]) -> list[tuple[str, int]]:
    """Each site with the number of its first host."""
    first: dict[str, int] = {}
    for number, site in enumerate(sites):
        first.setdefault(site, number)
    return [(printable(site), number) for site, number in first.items()]


def _thing(story: Story, packing: _Packing) -> dict[str, Any]:
    past, key = story.past, story.thing.key
    newest = sorted(story.episodes, key=lambda e: (e.until is None, e.until or e.since), reverse=True)
    return {
        "service": printable(story.thing.service),
        "kind": printable(key.kind),
        "name": printable(str(key)),
        "owner": printable(story.owner),
        "place": printable(f"{story.place.path}:{story.place.line}") if story.place else "",
        "now": len(past.drifting),
        "hosts": len(past.hosts),
        "drifts": past.drifts,
        "times": past.times,
        "fight": past.healed if past.fighting else 0,
        "since": int(past.since.timestamp()) if past.since else 0,
        "ended": [past.ended.get(ending, 0) for ending in ("us", "host", "git")],
        "all": packing.hosts(tuple(sorted(past.hosts))),
        "more": max(0, len(newest) - EPISODES),
        "episodes": [_episode(episode, packing) for episode in newest[:EPISODES]],
    }


def _episode(episode: Episode, packing: _Packing) -> list[Any]:
    """How, since, until (0: it goes on), what ended it, by which run, how many hosts, the number of their set."""
    return [
        manner_text(episode.manner),
        int(episode.since.timestamp()),
        int(episode.until.timestamp()) if episode.until else 0,
        episode.ended or "",
        episode.run or 0,
        len(episode.hosts),
        packing.hosts(episode.hosts),
    ]
