"""The difference between two states of Git, in the form of a plan: what would be due on hosts that are exactly as the
first one says. Nothing is known of hosts here, so it is no plan that could be run.

Works once for each distinct pair of profiles; resources are compared once for each distinct pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.assessing.compare import sensitive_fields, text_diff
from reconciler.core.assessing.due import Assessment, Due, Group, Stuck, Verdict
from reconciler.core.assessing.heads import NOBODY
from reconciler.core.assessing.react import reactions
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan import Scope, Seen, make_plan
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.key import Key
from reconciler.model.observation import Head
from reconciler.model.plan import Blocked, Change, FieldChange, Plan
from reconciler.model.state import Absent, Present

LEFT = "left Git; it is removed where we created it"
_UNASKED = Head("", None, "", "", "", "", "", owned=False)
_NO_RESOURCES = Profile((), "")


def difference(before: Desired, after: Desired, registry: Registry, caution: Caution) -> Plan:
    """What the second state asks for that the first does not, as a plan; it has no digest."""
    look = _Look(before, after, registry)
    verdicts = tuple(
        (verdict, tuple(sorted(hosts)))
        for pair, hosts in look.moved().items()
        if (verdict := look.verdict(*pair)).dues or verdict.stuck
    )
    blocked = (*_held(after), *_stuck(verdicts))
    assessment = Assessment(verdicts, blocked, (), 0, 0)
    seen = Seen(replace(NOBODY, heads=dict.fromkeys(after.hosts, _UNASKED)), {})
    return replace(make_plan(assessment, after, seen, Scope(), caution), fingerprint="", machines={}, digest="")


@dataclass(slots=True)
class _Look:
    """What is compared, and what came of it: changes by the pair of resources, and by their place."""

    before: Desired
    after: Desired
    registry: Registry
    _changes: dict[tuple[Resource | None, Resource | None], Change | None] = field(default_factory=dict)
    _dues: dict[tuple[int, int], Due] = field(default_factory=dict)

    def moved(self) -> Mapping[tuple[Profile, Profile], list[str]]:
        """Hosts of which something else is asked, by what was and what is. Where what is each host's own is the same in
        both, the shared parts tell all."""
        found: dict[tuple[Profile, Profile], list[str]] = {}
        for host, layout in self.after.layouts.items():
            was, now = self.before.layouts.get(host, _NO_RESOURCES), layout
            if was is now or (was.digest == now.digest and self.before.asked[host] == self.after.asked[host]):
                continue
            if was.varying != now.varying:
                was, now = self.before.profiles.get(host, _NO_RESOURCES), self.after.profiles[host]
            found.setdefault((was, now), []).append(host)
        return found

    def verdict(self, was: Profile, now: Profile) -> Verdict:
        """What is due on hosts of which the one was asked, and now the other."""
        had, has = _by_key(was), _by_key(now)
        dues: list[Due] = []
        stuck: list[Stuck] = []
        for index, resource in enumerate(now.resources):
            old = had.get(resource.key)
            same = old is resource or (old is not None and old.digest == resource.digest)
            if not same and (due := self._due(old, resource, index)):
                dues.append(due)
        for index, old in enumerate(was.resources, start=len(now.resources)):
            if old.key in has:
                continue
            if kept := self._kept(old):
                stuck.append(kept)
            elif due := self._due(old, None, index):
                dues.append(due)
        dues += reactions(Group(now, {}, {}, frozenset()), dues, set(), self.registry)
        return Verdict(tuple(dues), tuple(stuck))

    def _kept(self, old: Resource) -> Stuck | None:
        """What leaves Git and is left on hosts."""
        service = old.service
        if self.after.unreadable(old.place.path) or self.after.perhaps(service):
            return Stuck(old.key, service, "held", "its document can't be used now; left as it is")
        if old.protect:
            return Stuck(old.key, service, "protected", "left Git, but it was protected: remove it by hand")
        if old.prune == "never" or not self.registry[old.key.kind].prunable:
            return Stuck(old.key, service, "released", "left Git; no longer looked after, nothing is done to it")
        return None

    def _due(self, old: Resource | None, new: Resource | None, index: int) -> Due | None:
        pair = old, new
        if pair not in self._changes:
            self._changes[pair] = self._change(old, new)
        change = self._changes[pair]
        if change is None:
            return None
        # Programs are recognised by their dues, so equal ones have to be one object.
        at = id(change), index
        if at not in self._dues:
            self._dues[at] = self._made(change, new or old, index, pruned=new is None)
        return self._dues[at]

    def _made(self, change: Change, resource: Resource | None, index: int, *, pruned: bool) -> Due:
        assert resource is not None
        kind, name, spec = self.registry[resource.key.kind], resource.key.name, resource.spec
        reacts_to = {("changed", str(key)) for key in (*resource.restart_on, *resource.reload_on)}
        return Due(
            change,
            resource.service,
            index,
            prune=pruned,
            requires=() if pruned else resource.requires,
            provides=kind.provides(name, spec) | {("changed", str(resource.key))},
            after=kind.after(name, spec) | reacts_to,
        )

    def _change(self, old: Resource | None, new: Resource | None) -> Change | None:
        resource = new or old
        assert resource is not None
        kind = self.registry[resource.key.kind]
        was = kind.wanted(old.key.name, old.spec) if old else Absent()
        now = kind.wanted(new.key.name, new.spec) if new else Absent()
        hidden = frozenset().union(*(sensitive_fields(r, kind, w) for r, w in ((old, was), (new, now)) if r))
        ordinary, sensitive = kind.ordinary, any(r.sensitive for r in (old, new) if r)
        match was, now:
            case Present(), Absent():
                because = LEFT if new is None else ""
                return Change(
                    resource.key, "delete", "pending", because=because, sensitive=sensitive, ordinary=ordinary
                )
            case Absent(), Present():
                fields = tuple(_fields(Present(), now, hidden, ()))
                return Change(resource.key, "create", "pending", fields, sensitive=sensitive, ordinary=ordinary)
            case Present(), Present():
                fields = tuple(_fields(was, now, hidden, new.ignore if new else ()))
                made = Change(resource.key, "update", "pending", fields, sensitive=sensitive, ordinary=ordinary)
                return made if fields else None
        return None


def _fields(was: Present, now: Present, hidden: frozenset[str], ignore: Iterable[str]) -> Iterator[FieldChange]:
    """The fields that differ. What holds a secret is not shown either: nobody knows it here."""
    for name, after in sorted(now.state.items()):
        before = was.state.get(name)
        if before == after or name in ignore:
            continue
        if name in hidden | was.sealed | now.sealed:
            yield FieldChange(name, None, None, "pending", sensitive=True)
        else:
            old = was.texts.get(name, "" if before is None else None)
            yield FieldChange(name, before, after, "pending", diff=text_diff(old, now.texts.get(name)))


def _by_key(profile: Profile) -> dict[Key, Resource]:
    return {resource.key: resource for resource in profile.resources}


def _held(after: Desired) -> list[Blocked]:
    return [
        Blocked("held", f"{held.reason} ({held.place})", held.hosts, held.service, root=str(held.place))
        for held in after.held
    ]


def _stuck(verdicts: Iterable[tuple[Verdict, tuple[str, ...]]]) -> Iterator[Blocked]:
    hosts_of: dict[Stuck, list[str]] = {}
    for verdict, hosts in verdicts:
        for stuck in verdict.stuck:
            hosts_of.setdefault(stuck, []).extend(hosts)
    for stuck, found in sorted(hosts_of.items(), key=lambda item: (item[0].service, item[0].key)):
        yield Blocked(stuck.reason, stuck.message, tuple(sorted(found)), stuck.service, stuck.key)
