"""Assesses hosts: which changes are due on each, what is not known, what is released, what only needs recording.

The work is done once for each distinct (profile, answers, ownership) and fans out over the hosts that share it.
Knows nothing of steps and their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from operator import mul
from typing import Any

from reconciler.core.assessing.alike import held_by_host
from reconciler.core.assessing.compare import Different, Equal, NotKnown
from reconciler.core.assessing.due import (
    NOT_OBSERVED,
    SETTLED,
    Alike,
    Assessment,
    Due,
    Focus,
    Group,
    Judged,
    Look,
    Stuck,
    Verdict,
)
from reconciler.core.assessing.prune import prune
from reconciler.core.assessing.react import reactions
from reconciler.core.observing.ask import Questions
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.key import OUTSIDE, Key
from reconciler.model.observation import Fact, Observation, Ownership
from reconciler.model.plan import Blocked, Change, Release

NOTHING: Mapping[Key, Any] = {}
"""On record. One object, since hosts are told apart by that."""
_NONE = frozenset[str]()


def assess(
    desired: Desired,
    observations: Mapping[str, Observation],
    ownership: Mapping[str, Ownership],
    registry: Registry,
    focus: Focus | None = None,
) -> Assessment:
    """What is due on every host, from what Git asks for, what hosts said and what we remember.

    Hosts out of `focus` are known to be in order (see `heads.standing`): only counted, not looked at. A host that
    stands in for others is looked at for all of them.
    """
    focus = focus or Focus(desired.hosts)
    look = Look(desired, registry, Questions(registry), focus.expecting)
    looked_at = [host for host in sorted(focus.hosts) if host in desired.hosts]
    groups, out_of_reach = _groups(desired, observations, ownership, looked_at)
    rest = _rest(look)
    known = focus.before.verdicts if focus.before and focus.before.rest == rest else {}
    judged = {alike: known.get(alike) or (group, _verdict(group, look)) for alike, (group, _) in groups.items()}
    everyone = [_all(hosts, focus.stand_ins) for _, hosts in groups.values()]
    verdicts = tuple([(verdict, hosts) for (_, verdict), hosts in zip(judged.values(), everyone, strict=True)])
    # Those that a host stands in for have as many resources as it has.
    resources = [len(group.profile.resources) for group, _ in judged.values()]
    assessed = sum(map(mul, resources, map(len, everyone)))
    unreachable = [
        Blocked("not-observed" if why == NOT_OBSERVED else "unreachable", why, tuple(hosts))
        for why, hosts in sorted(out_of_reach.items())
    ]
    missing = sum(len(desired.layouts[h].resources) for hosts in out_of_reach.values() for h in hosts)
    stuck = sum(len(verdict.stuck) * len(hosts) for verdict, hosts in verdicts)
    # First without those that are known to be named, since to look for many in all of them takes long.
    left = sorted(host for host in ownership.keys() - set(looked_at) if host not in desired.hosts)
    gone, releases = _departed(desired, {host: ownership[host] for host in left})
    return Assessment(
        verdicts=verdicts,
        blocked=(*unreachable, *_held(desired), *_stuck(verdicts), *gone),
        releases=(*releases, *_released(verdicts)),
        unknown=missing + stuck,
        comparisons=len(look.done),
        settled=desired.managed - assessed - missing,
        judged=Judged(rest, judged),
        expected=frozenset(look.expected),
    )


def _all(hosts: list[str], stand_ins: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """With those that they stand in for, sorted."""
    if stand_ins.keys().isdisjoint(hosts):
        return tuple(hosts)
    return tuple(sorted(chain.from_iterable([stand_ins.get(host, (host,)) for host in hosts])))


def _rest(look: Look) -> tuple[object, ...]:
    """All that a verdict rests on beside what makes hosts alike: what `prune` asks of Git, and the kinds."""
    desired = look.desired
    held = frozenset(held.service for held in desired.held)
    return (look.registry, frozenset(desired.services), desired.broken, desired.opaque, held, look.expecting)


def _groups(
    desired: Desired,
    observations: Mapping[str, Observation],
    ownership: Mapping[str, Ownership],
    looked_at: list[str],
) -> tuple[dict[Alike, tuple[Group, list[str]]], dict[str, list[str]]]:
    """Hosts that are alike, and hosts that nothing can be said of, by reason."""
    grouped: dict[Alike, tuple[Group, list[str]]] = {}
    out_of_reach: dict[str, list[str]] = {}
    held = held_by_host(desired)
    seen_there, ours_there = map(observations.get, looked_at), map(ownership.get, looked_at)
    for host, seen, ours in zip(looked_at, seen_there, ours_there, strict=True):
        records = ours.owned if ours else NOTHING
        if not (records or desired.layouts[host].resources):
            continue  # it is never asked, since there is nothing to know
        if seen is None or seen.observed_at is None or seen.unreachable:
            reason = seen.unreachable if seen and seen.unreachable else NOT_OBSERVED
            out_of_reach.setdefault(reason, []).append(host)
            continue
        profile, without = desired.profiles[host], held.get(host, _NONE) if held else _NONE
        alike = (profile, id(seen.facts), id(records), without)
        if alike in grouped:
            grouped[alike][1].append(host)
        else:
            grouped[alike] = (Group(profile, seen.facts, records, without), [host])
    return grouped, out_of_reach


def _verdict(group: Group, look: Look) -> Verdict:
    dues: list[Due] = []
    stuck: list[Stuck] = []
    equal: list[tuple[Resource, Fact]] = []
    compared = look.compare(group)
    unsettled = [(index, found) for index, found in enumerate(compared) if found is not SETTLED]
    unchanged = len(compared) - len(unsettled)
    for index, found in unsettled:
        resource = group.profile.resources[index]
        fact = group.facts.get(resource.key)
        match found:
            case NotKnown(reason):
                stuck.append(Stuck(resource.key, resource.service, "unknown", reason))
            case Equal(settled):
                unchanged += 1
                if not settled and fact is not None:
                    equal.append((resource, fact))
            case Different() as difference:
                key = (id(difference), index)
                if key not in look.dues:
                    look.dues[key] = _due(resource, difference, index, fact, look)
                dues.append(look.dues[key])
    pruned = prune(group, look)
    dues, waiting = _unblocked([*dues, *pruned.dues], group.profile, {s.key for s in stuck})
    dues += reactions(group, dues, {s.key for s in (*stuck, *waiting)}, look.registry, look.reactions)
    return Verdict(tuple(dues), (*stuck, *waiting, *pruned.stuck), pruned.released, tuple(equal), unchanged)


def _due(resource: Resource, difference: Different, index: int, fact: Fact | None, look: Look) -> Due:
    kind: Any = look.registry[resource.key.kind]
    change = Change(
        key=resource.key,
        action=difference.action,
        cause=difference.cause,
        fields=difference.fields,
        desired=resource.digest,
        query=look.questions.of(resource)[0],
        expect=fact.facts_digest if fact else "",
        sensitive=resource.sensitive,
        ordinary=kind.ordinary,
    )
    name, spec = resource.key.name, resource.spec
    # What it reacts to comes before it: a unit that is started reads its files as they should be.
    answers = {("changed", str(key)) for key in (*resource.restart_on, *resource.reload_on)}
    return Due(
        change=change,
        service=resource.service,
        index=index,
        requires=resource.requires,
        provides=kind.provides(name, spec) | {("changed", str(resource.key))},
        after=kind.after(name, spec) | answers,
    )


def _unblocked(dues: list[Due], profile: Profile, unknown: set[Key]) -> tuple[list[Due], list[Stuck]]:
    """Leaves out what requires something unknown, directly or not."""
    if not unknown:
        return dues, []
    requires = {r.key: r.requires for r in profile.resources}
    roots: dict[Key, Key] = {key: key for key in unknown}
    grown = True
    while grown:
        grown = False
        for key, needed in requires.items():
            behind = next((roots[n] for n in needed if n in roots), None)
            if behind is not None and key not in roots:
                roots[key], grown = behind, True
    free = [due for due in dues if due.change.key not in roots]
    waiting = [
        Stuck(d.change.key, d.service, "waits", f"waits for {roots[d.change.key]}", str(roots[d.change.key]))
        for d in dues
        if d.change.key in roots
    ]
    return free, waiting


def _held(desired: Desired) -> list[Blocked]:
    return [
        Blocked("held", f"{held.reason} ({held.place})", held.hosts, held.service, root=str(held.place))
        for held in desired.held
    ]


def _stuck(verdicts: Iterable[tuple[Verdict, tuple[str, ...]]]) -> list[Blocked]:
    hosts_of: dict[Stuck, list[str]] = {}
    for verdict, hosts in verdicts:
        for stuck in verdict.stuck:
            hosts_of.setdefault(stuck, []).extend(hosts)
    return [
        Blocked(s.reason, s.message, tuple(sorted(hosts)), s.service, s.key, s.root)
        for s, hosts in sorted(hosts_of.items(), key=lambda item: (item[0].service, item[0].key, item[0].message))
    ]


def _released(verdicts: Iterable[tuple[Verdict, tuple[str, ...]]]) -> list[Release]:
    hosts_of: dict[tuple[str, Key, str], list[str]] = {}
    for verdict, hosts in verdicts:
        for owned, reason in verdict.released:
            hosts_of.setdefault((owned.service, owned.key, reason), []).extend(hosts)
    return [
        Release(reason, tuple(sorted(hosts)), key, service)
        for (service, key, reason), hosts in sorted(hosts_of.items())
    ]


def _departed(desired: Desired, left: Mapping[str, Ownership]) -> tuple[list[Blocked], list[Release]]:
    """Hosts that we own something on and that nobody names: released, or held when that may be a mistake."""
    blocked: list[Blocked] = []
    hosts_of: dict[tuple[str, Key, str], list[str]] = {}
    for host, ours in left.items():
        if not ours.owned:
            continue
        held = _not_departed(host, ours.path, desired)
        if held is not None:
            blocked.append(held)
            continue
        source = ours.path.removeprefix(OUTSIDE)
        why = "its Host document left Git" if source == ours.path else f"it left the inventory {source}"
        for owned in ours.owned.values():
            hosts_of.setdefault((owned.service, owned.key, why), []).append(host)
    releases = [Release(why, tuple(hosts), key, service) for (service, key, why), hosts in sorted(hosts_of.items())]
    return blocked, releases


def _not_departed(host: str, path: str, desired: Desired) -> Blocked | None:
    """Why nothing follows from a host's absence."""
    if path.startswith(OUTSIDE) and path not in desired.inventories:
        message = f"the inventory {path.removeprefix(OUTSIDE)} that named it is not configured"
        return Blocked("held", message, (host,), root=path)
    if desired.unreadable(path):
        where = f"{path} can't be relied on" if path.startswith(OUTSIDE) else f"its document in {path} can't be read"
        return Blocked("held", where, (host,), root=path)
    if desired.opaque:
        return Blocked("held", "it may be in a document that can't be read now", (host,), root=path)
    if not desired.hosts:
        return Blocked("empty", "no Host document is left; an empty inventory changes nothing", (host,))
    return None
