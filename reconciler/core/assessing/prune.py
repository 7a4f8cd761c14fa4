"""What to do about things that are on record as ours on a host and that Git does not ask for any more.

Only what we created, and still is there for certain, is deleted. Knows no steps and no order.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from reconciler.core.assessing.compare import removed
from reconciler.core.assessing.due import GONE, NOT_OBSERVED, Due, Group, Look, Pruned, Stuck
from reconciler.core.observing.ask import remembered_spec
from reconciler.kinds import Registry
from reconciler.model.observation import Fact, Owned, Query
from reconciler.model.plan import Change
from reconciler.model.state import Absent, Present, Unknown

Fate: TypeAlias = Due | Stuck | str
"""A delete, a reason to leave it alone and on record, or a reason to forget it."""


NOTHING = Pruned((), (), ())


def prune(group: Group, look: Look) -> Pruned:
    """The fate of everything on record that the profile lacks."""
    wanted = {resource.key for resource in group.profile.resources}
    if group.records.keys() <= wanted:
        return NOTHING
    dues: list[Due] = []
    stuck: list[Stuck] = []
    released: list[tuple[Owned, str]] = []
    left = [owned for owned in group.records.values() if owned.key not in wanted]
    for index, owned in enumerate(sorted(left, key=lambda o: o.key), start=len(wanted)):
        match _fate(owned, index, group, look):
            case Due() as due:
                dues.append(due)
            case Stuck() as kept:
                stuck.append(kept)
            case str() as reason:
                released.append((owned, reason))
    return Pruned(tuple(dues), tuple(stuck), tuple(released))


def _fate(owned: Owned, index: int, group: Group, look: Look) -> Fate:
    return _spared(owned, group, look) or _deleted_if_there(owned, index, group, look)


def _spared(owned: Owned, group: Group, look: Look) -> Stuck | str | None:
    """Why it is not ours to delete, whatever the host says."""
    kind = look.registry.get(owned.key.kind)
    if held := _held(owned, group, look):
        return Stuck(owned.key, owned.service, "held", f"{held}; left as it is", owned.path)
    if not owned.created:
        return "it was there before us"
    if owned.prune == "never":
        return "prune: never"
    if owned.protect:
        return Stuck(owned.key, owned.service, "protected", "left Git, but it was protected: remove it by hand")
    if kind is not None and not kind.prunable:
        return f"a {owned.key.kind} can't be undone"
    return None


def _held(owned: Owned, group: Group, look: Look) -> str:
    """Why nothing follows from its absence in Git; empty if it follows that it left."""
    if owned.service in group.held:
        return "its service is held there"
    if look.desired.unreadable(owned.path):
        return f"{owned.path} can't be read now"
    if look.desired.perhaps(owned.service):
        return f"service {owned.service} may be in a document that can't be read now"
    return ""


def _deleted_if_there(owned: Owned, index: int, group: Group, look: Look) -> Fate:
    spec = remembered_spec(owned, look.registry)
    asked = look.questions.of_owned(owned)
    if spec is None or asked is None:
        return Stuck(owned.key, owned.service, "unknown-kind", f"no kind {owned.key.kind} can remove it")
    fact = group.facts.get(owned.key)
    if fact is None or (fact.query != asked[1] and not look.expecting):
        return Stuck(owned.key, owned.service, "unknown", NOT_OBSERVED)
    match look.registry[owned.key.kind].observe(owned.key.name, spec, fact.facts):
        case Unknown(reason):
            return Stuck(owned.key, owned.service, "unknown", NOT_OBSERVED if fact.query != asked[1] else reason)
        case Absent():
            return GONE
        case Present() as there:
            if not look.desired.services:
                message = "no service is left in Git; an empty desired state deletes nothing"
                return Stuck(owned.key, owned.service, "empty", message)
            return _ordered(owned, spec, index, _delete(owned, there, fact, asked[0], look.registry), look.registry)


def _delete(owned: Owned, there: Present, fact: Fact, query: Query, registry: Registry) -> Change:
    return Change(
        key=owned.key,
        action="delete",
        cause="pending",
        fields=removed(there, registry[owned.key.kind].secret),
        because=f"left Git; we created it, and last applied it in run {owned.run}",
        query=query,
        expect=fact.facts_digest,
        ordinary=registry[owned.key.kind].ordinary,
    )


def _ordered(owned: Owned, spec: Any, index: int, change: Change, registry: Registry) -> Due:
    kind, name = registry[owned.key.kind], owned.key.name
    # What it required is forgotten by Git but not by us: deletes go in reverse.
    after = kind.after(name, spec) | {("requires", str(key)) for key in owned.requires}
    provides = kind.provides(name, spec) | {("requires", str(owned.key))}
    return Due(change, owned.service, index, prune=True, provides=provides, after=after, needs=owned.needs)
