"""Restarts and reloads that follow from changes, each once, also those that an earlier run still owes.

Knows no hosts and no order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.assessing.due import Due, Group, Reaction
from reconciler.kinds import Registry
from reconciler.model.desired import Resource
from reconciler.model.key import Key
from reconciler.model.observation import Owned
from reconciler.model.plan import Cause, Change


def reactions(
    group: Group, dues: Iterable[Due], unknown: set[Key], registry: Registry, made: dict[Reaction, Due] | None = None
) -> list[Due]:
    """A restart or reload for every resource of the profile that asks for one. `unknown` resources get none. Those that
    were `made` already are taken from there."""
    made = {} if made is None else made
    due_now = {due.change.key: due for due in dues}
    digests = {resource.key: resource.digest for resource in group.profile.resources}
    found: list[Due] = []
    for index, resource in enumerate(group.profile.resources):
        if not (resource.reload_on or resource.restart_on) or resource.key in unknown:
            continue
        owned = group.records.get(resource.key)
        triggers = tuple(
            [
                ref
                for ref in dict.fromkeys((*resource.restart_on, *resource.reload_on))
                if ref in due_now or (ref not in unknown and _owed(owned, ref, digests.get(ref, "")))
            ]
        )
        if triggers and _still_needed(resource, due_now, registry):
            causes = {due_now[ref].change.cause if ref in due_now else "pending" for ref in triggers}
            reaction: Reaction = (resource, index, triggers, "drift" if causes == {"drift"} else "pending")
            if reaction not in made:
                made[reaction] = _reaction(*reaction, registry)
            found.append(made[reaction])
    return found


def _owed(owned: Owned | None, ref: Key, digest: str) -> bool:
    """Whether the resource changed, by our doing, since this one last reacted to it."""
    return owned is not None and owned.reacted.get(str(ref), digest) != digest


def _still_needed(resource: Resource, due_now: Mapping[Key, Due], registry: Registry) -> bool:
    """A service that should not run needs no restart, nor does one that is being started now: unless something that
    comes before it may have started it already, when its files were not there yet."""
    kind, own = registry[resource.key.kind], due_now.get(resource.key)
    if own is None or not kind.reacts_after(resource.spec, frozenset()):
        return kind.reacts_after(resource.spec, frozenset())
    fields = frozenset(field.path for field in own.change.fields)
    return kind.reacts_after(resource.spec, fields) or any(
        registry[due.change.key.kind].starts_services and _before(due, own) for due in due_now.values()
    )


def _before(due: Due, own: Due) -> bool:
    return not due.prune and (due.change.key in own.requires or not due.provides.isdisjoint(own.after))


def _reaction(resource: Resource, index: int, triggers: tuple[Key, ...], cause: Cause, registry: Registry) -> Due:
    restart = any(ref in resource.restart_on for ref in triggers)
    names = ", ".join(str(ref) for ref in triggers)
    change = Change(
        key=resource.key,
        action="restart" if restart else "reload",
        cause=cause,
        because=f"{names} change" + ("s" if len(triggers) == 1 else ""),
        desired=resource.digest,
        sensitive=resource.sensitive,
        ordinary=registry[resource.key.kind].ordinary,
    )
    return Due(change, resource.service, index, triggers=triggers)
