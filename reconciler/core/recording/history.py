"""Follows drift from look to look: which episodes begin, which go on, which end, and what ended them.

Pure: what is on record and what was seen, in; the episodes that are to be written, out. What nobody could look at goes
on: unknown is never healed. The work is done on sets of hosts, for each thing that drifts; single hosts are looked at
only where an episode ends. Knows no store and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.core.assessing.drift import Drifted
from reconciler.core.assessing.due import Assessment
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.digest import canonical
from reconciler.model.episode import Ending, Episode, FieldDrift, Manner, Thing
from reconciler.model.key import Key
from reconciler.model.observation import Ownership
from reconciler.model.plan import FieldChange
from reconciler.model.run import RunOutcome

SPAN = timedelta(minutes=10)
"""Hosts that began to drift alike within such a span share an episode."""
VALUES = 5
"""Different values of one thing that are told apart; more are the hosts' own."""
_LONGEST = 200
_EPOCH = datetime.min


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a look at all hosts found, and by what Git asked for then. `ownership` is that of the hosts that were looked
    at closely: on all others everything was in order. `at_work` are hosts that a run has begun and not told of yet."""

    desired: Desired
    assessment: Assessment
    drift: Sequence[Drifted]
    ownership: Mapping[str, Ownership]
    at: datetime
    at_work: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Hosts on which a thing drifts in one manner now, each with since when."""

    manner: Manner
    hosts: frozenset[str]
    since: Mapping[str, datetime | None]


def followed(before: Sequence[Episode], sight: Sight) -> list[Episode]:
    """The episodes to be written, from those that had no end: changed ones with their ids, new ones without."""
    known: dict[Thing, list[Episode]] = {}
    for episode in before:
        known.setdefault(episode.thing, []).append(episode)
    seen = _seen(sight.drift)
    judge = _Judge(sight)
    changed: list[Episode] = []
    for thing in sorted(known.keys() | seen.keys()):
        changed += _followed(thing, known.get(thing, []), seen.get(thing, []), judge)
    return changed


def healed(before: Sequence[Episode], outcomes: Iterable[RunOutcome], run: int, at: datetime) -> list[Episode]:
    """The episodes to be written when a run has ended: what it changed drifts no more."""
    hosts: dict[Key, set[str]] = {}
    for outcome in outcomes:
        if outcome.result == "changed" and outcome.action in ("create", "update", "delete"):
            hosts.setdefault(outcome.key, set()).update(outcome.hosts)
    changed: list[Episode] = []
    for episode in before:
        done = hosts.get(episode.thing.key, set()) & set(episode.hosts)
        if done:
            over = replace(episode, until=at, ended="us", run=run)
            changed += _split(episode, set(episode.hosts) - done, [(over, done)])
    return changed


def _followed(thing: Thing, episodes: Sequence[Episode], seen: Sequence[_Seen], judge: _Judge) -> Iterator[Episode]:
    drifting = frozenset[str]().union(*(each.hosts for each in seen))
    fresh = drifting.difference(*(episode.hosts for episode in episodes))
    untouched: list[Episode] = []
    for episode in episodes:
        stay, parts = _parts(episode, seen, judge)
        if parts:
            yield from _split(episode, stay, parts)
        else:
            untouched.append(episode)
    for each in seen:
        yield from _begun(thing, each, fresh & each.hosts, untouched)


def _parts(episode: Episode, seen: Sequence[_Seen], judge: _Judge) -> tuple[set[str], list[tuple[Episode, set[str]]]]:
    """The hosts on which it goes on as it was; and what has become of the others."""
    left, stay = set(episode.hosts), set[str]()
    parts: list[tuple[Episode, set[str]]] = []
    for each in seen:
        here = left & each.hosts
        left -= here
        if each.manner.like(episode.manner):
            stay |= here
        elif here:
            parts.append((replace(episode, manner=each.manner), here))
    unsure = left & judge.unsure(episode.thing)
    for ended, hosts in judge.endings(episode, left - unsure).items():
        parts.append((replace(episode, until=judge.sight.at, ended=ended), hosts))
    return stay | unsure, parts


def _split(episode: Episode, stay: set[str], parts: Sequence[tuple[Episode, set[str]]]) -> Iterator[Episode]:
    """The episode in pieces, of which the first keeps its id."""
    pieces = [(episode, stay), *parts] if stay else list(parts)
    for at, (piece, hosts) in enumerate(pieces):
        yield replace(piece, hosts=tuple(sorted(hosts)), id=0 if at else episode.id)


def _begun(thing: Thing, seen: _Seen, fresh: frozenset[str], there: list[Episode]) -> Iterator[Episode]:
    """Episodes that begin; hosts that only come later to one that began just now are put into that."""
    spans: dict[int, list[str]] = {}
    moments = {host: moment for host in fresh if (moment := seen.since[host]) is not None}
    for host, moment in moments.items():
        spans.setdefault(_span(moment), []).append(host)
    for span, hosts in sorted(spans.items()):
        since = min(moments[host] for host in hosts)
        same = next((e for e in there if _span(e.since) == span and seen.manner.like(e.manner)), None)
        if same is None:
            yield Episode(thing, seen.manner, since, tuple(sorted(hosts)))
        else:
            there.remove(same)
            yield replace(same, since=min(since, same.since), hosts=tuple(sorted({*same.hosts, *hosts})))


def _span(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - _EPOCH) // SPAN


def _seen(drift: Sequence[Drifted]) -> dict[Thing, list[_Seen]]:
    """What drifts now by thing. Where one drifts in the same fields with many values, no value is kept."""
    shapes: dict[tuple[Thing, tuple[Any, ...]], dict[str, list[Drifted]]] = {}
    manners: dict[str, Manner] = {}
    for each in drift:
        found = _manner(each)
        name = canonical(found.document()).decode()
        manners.setdefault(name, found)
        shape = (Thing(each.service, each.key), (found.action, found.paths))
        shapes.setdefault(shape, {}).setdefault(name, []).append(each)
    seen: dict[Thing, list[_Seen]] = {}
    for (thing, _), named in shapes.items():
        if len(named) > VALUES:
            any_of = manners[next(iter(named))]
            bare = tuple(FieldDrift(f.path, sensitive=f.sensitive) for f in any_of.fields)
            everything = [each for members in named.values() for each in members]
            seen.setdefault(thing, []).append(_together(replace(any_of, fields=bare, various=True), everything))
        else:
            seen.setdefault(thing, []).extend(_together(manners[name], members) for name, members in named.items())
    return seen


def _together(how: Manner, members: Sequence[Drifted]) -> _Seen:
    since = {host: moment for each in members for host, moment in each.since.items()}
    return _Seen(how, frozenset(since), since)


def _manner(drift: Drifted) -> Manner:
    return Manner(drift.action, tuple(_field(each) for each in drift.fields))


def _field(change: FieldChange) -> FieldDrift:
    values = (change.after, change.before)
    if change.sensitive or any(isinstance(value, str) and value.startswith("sha256:") for value in values):
        return FieldDrift(change.path, sensitive=change.sensitive)
    return FieldDrift(change.path, _short(change.after), _short(change.before))


def _short(value: Any) -> Any:
    """A value as it is kept: a host may say anything."""
    text = value if isinstance(value, str) else canonical(value).decode()
    return value if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


@dataclass(slots=True)
class _Judge:
    """Says of which hosts nothing is known about a thing, and what ended a drift where something is known."""

    sight: Sight
    _silent: frozenset[str] | None = None
    _of_services: dict[str, set[str]] = field(default_factory=dict)
    _of_keys: dict[Key, set[str]] = field(default_factory=dict)
    _asked: dict[tuple[int, Thing], tuple[Profile, Resource | None]] = field(default_factory=dict)

    def unsure(self, thing: Thing) -> frozenset[str]:
        """Hosts that did not answer, on which the service is held, that could not tell of this resource, or on which a
        run is at work: what ends there is for that to say."""
        if self._silent is None:
            self._silent = self._sorted_out()
        return self._silent.union(self._of_services.get(thing.service, ()), self._of_keys.get(thing.key, ()))

    def endings(self, episode: Episode, hosts: set[str]) -> dict[Ending, set[str]]:
        """What ended it on each of these hosts."""
        found: dict[Ending, set[str]] = {}
        for host in hosts:
            found.setdefault(self._ending(episode, host), set()).add(host)
        return found

    def _sorted_out(self) -> frozenset[str]:
        silent = set(self.sight.at_work)
        for blocked in self.sight.assessment.blocked:
            if blocked.key is not None:
                self._of_keys.setdefault(blocked.key, set()).update(blocked.hosts)
            elif blocked.service:
                self._of_services.setdefault(blocked.service, set()).update(blocked.hosts)
            else:
                silent.update(blocked.hosts)
        return frozenset(silent)

    def _ending(self, episode: Episode, host: str) -> Ending:
        resource = self._resource(episode.thing, host)
        if resource is None or set(episode.manner.paths) & set(resource.ignore):
            return "git"
        ours = self.sight.ownership.get(host)
        record = ours.owned.get(episode.thing.key) if ours else None
        # Our record is of the last time that it was in order: when Git has asked for something else since, Git moved.
        return "git" if record and record.desired and record.desired != resource.digest else "host"

    def _resource(self, thing: Thing, host: str) -> Resource | None:
        """What Git asks for there, as far as drift of it is told at all."""
        profile, service = self.sight.desired.profiles.get(host), self.sight.desired.services.get(thing.service)
        if profile is None or service is None or service.heal == "off":
            return None
        same = (id(profile), thing)
        if same not in self._asked:
            ours = (r for r in profile.resources if r.key == thing.key and r.service == thing.service)
            # The profile is kept beside it: an id means something only while the object lives.
            self._asked[same] = (profile, next(ours, None))
        return self._asked[same][1]
