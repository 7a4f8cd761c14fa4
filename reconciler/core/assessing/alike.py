"""Hosts that stand in for others: where everything was in order, and now the same shared part of a profile has become
another, one host tells what is due on all whose shared answers and records are the same.

Files with the host's own name in them make every profile, answer and record another one; as long as what is each host's
own stays as it was, in order, it makes no difference to what is due. Knows verdicts; knows no steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import repeat
from operator import itemgetter

from reconciler.core.assessing.due import Assessment, Group, Verdict
from reconciler.core.assessing.heads import Standing
from reconciler.model.desired import Desired, Profile
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Head, InOrder, Owned

_MARK = itemgetter(Head._fields.index("alike"))
StandIns = Mapping[str, tuple[str, ...]]
"""A host, and those that it stands in for, itself first."""


def stand_ins(desired: Desired, stand: Standing, alone: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Of hosts that were in order until Git asked for something else: one for all that are alike in what was asked,
    what is asked now, the shared part of answers and records, and the services that are held. Those `alone` are left
    out."""
    held, hosts = held_by_host(desired), stand.bases.keys()
    marks = map(_MARK, map(stand.heads.__getitem__, hosts))
    now = map(desired.layouts.get, hosts)
    without: Iterable[frozenset[str] | None] = map(held.get, hosts) if held else repeat(None, len(hosts))
    groups: dict[tuple[Profile, Profile | None, str, frozenset[str] | None], list[str]] = {}
    for host, same in zip(hosts, zip(stand.bases.values(), now, marks, without, strict=True), strict=True):
        if same in groups:
            groups[same].append(host)
        else:
            groups[same] = [host]
    fit = (
        # They come nearly sorted; a set would undo that.
        sorted([host for host in members if host not in alone] if alone else members)
        for (was, becomes, mark, _), members in groups.items()
        if mark and becomes is not None and becomes.varying == was.varying
    )
    return {hosts[0]: tuple(hosts) for hosts in sorted(fit) if len(hosts) > 1}


def unfit(assessment: Assessment, desired: Desired, stand: StandIns) -> set[str]:
    """Hosts that can't stand in for others, after all: what is to be done takes each host's own answers or records."""
    standing = stand.keys()
    return {
        host
        for verdict, hosts in assessment.verdicts
        for host in standing & hosts
        if not _shared(verdict, desired.layouts[host])
    }


def held_by_host(desired: Desired) -> dict[str, frozenset[str]]:
    """The services that are held on a host; equal sets are one object."""
    services: dict[str, set[str]] = {}
    for held in desired.held:
        for host in held.hosts:
            services.setdefault(host, set()).add(held.service)
    interned: dict[frozenset[str], frozenset[str]] = {}
    frozen = {host: frozenset(names) for host, names in services.items()}
    return {host: interned.setdefault(names, names) for host, names in frozen.items()}


def in_order(assessment: Assessment, desired: Desired, heads: Mapping[str, Head]) -> dict[str, InOrder]:
    """What to keep of hosts that were looked at and found in order: what was asked, what they answered, and what
    makes them alike beside their own content."""
    groups = {verdict: group for group, verdict in assessment.judged.verdicts.values()} if assessment.judged else {}
    shared = _Shared()
    found: dict[str, InOrder] = {}
    for verdict, hosts in assessment.verdicts:
        if verdict.dues or verdict.stuck or verdict.released or verdict.equal:
            continue
        alike = shared.of(groups[verdict], desired.layouts[hosts[0]])
        found.update((host, InOrder(desired.asked[host], heads[host].fingerprint, alike)) for host in hosts)
    return found


def _shared(verdict: Verdict, layout: Profile) -> bool:
    if verdict.stuck or verdict.released or verdict.equal:
        return False
    own = {resource.key for resource in layout.varying}
    changes = [due.change for due in verdict.dues]
    drifts = any(cause == "drift" for c in changes for cause in (c.cause, *(field.cause for field in c.fields)))
    return not drifts and not any(change.key in own for change in changes)


class _Shared:
    """Digests of what hosts have in common; those of the same answer and record are made once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Fact, int, frozenset[Key]], str] = {}

    def of(self, group: Group, layout: Profile) -> str:
        own = frozenset(resource.key for resource in layout.varying)
        parts = [self._part(resource.key, group, own) for resource in group.profile.resources]
        return blake2b("".join(parts).encode(), digest_size=16).hexdigest()

    def _part(self, key: Key, group: Group, own: frozenset[Key]) -> str:
        fact, owned = group.facts[key], group.records[key]
        if key in own:
            # What it says is this host's alone; that it was in order, and since which run, is enough.
            return digest([*key, fact.query, owned.run, _treated(owned)])
        # Records that are equal on many hosts are one object, which lives as long as the group does.
        same = (fact, id(owned), own)
        if same not in self._known:
            reacted = {ref: to for ref, to in owned.reacted.items() if Key.parse(ref) not in own}
            record = [owned.desired, owned.facts, owned.run, reacted, dict(owned.spec), dict(owned.state)]
            self._known[same] = digest([*key, fact.query, fact.facts_digest, _treated(owned), record])
        return self._known[same]


def _treated(owned: Owned) -> list[object]:
    """Whose a record is, and how it is to be treated."""
    requires = [str(key) for key in owned.requires]
    return [owned.service, owned.created, owned.path, owned.protect, owned.prune, list(owned.needs), requires]
