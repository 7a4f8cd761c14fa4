"""What to ask hosts: one question for each resource that is desired or owned, worked out once for each distinct one.

Knows kinds' queries; knows nothing of how they travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reconciler.kinds import Registry
from reconciler.model.delivery import Payload
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.digest import digest
from reconciler.model.key import Key
from reconciler.model.observation import Owned, Ownership, Query


class Questions:
    """The queries of resources and of what is owned, each made once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._of_resource: dict[Resource, tuple[Query, str]] = {}
        self._of_owned: dict[tuple[Key, str], tuple[Query, str] | None] = {}

    def of(self, resource: Resource) -> tuple[Query, str]:
        """The query and its digest."""
        if resource not in self._of_resource:
            query = self._registry[resource.key.kind].query(resource.key.name, resource.spec)
            self._of_resource[resource] = (query, digest(query))
        return self._of_resource[resource]

    def of_owned(self, owned: Owned) -> tuple[Query, str] | None:
        """The query for what Git has forgotten; None when its kind is gone or its memory does not fit any more."""
        key = (owned.key, digest(owned.spec))
        if key not in self._of_owned:
            spec = remembered_spec(owned, self._registry)
            query = None if spec is None else self._registry[owned.key.kind].query(owned.key.name, spec)
            self._of_owned[key] = None if query is None else (query, digest(query))
        return self._of_owned[key]


def remembered_spec(owned: Owned, registry: Registry) -> Any | None:
    """The spec of an owned resource as far as it is remembered, None when it can't be understood any more."""
    kind = registry.get(owned.key.kind)
    if kind is None:
        return None
    try:
        return kind.Spec.model_validate(dict(owned.spec), strict=False)
    except ValidationError:
        return None


def payloads(desired: Desired, ownership: Mapping[str, Ownership], questions: Questions) -> dict[str, Payload]:
    """What to ask each host of the desired state; hosts with the same questions share one payload."""
    shared: dict[tuple[Profile, tuple[tuple[Key, str], ...]], Payload] = {}
    result: dict[str, Payload] = {}
    # What varies from host to host is asked in the same words everywhere.
    for host, profile in desired.layouts.items():
        keys = {resource.key for resource in profile.resources}
        extra: dict[Key, Query] = {}
        marks: list[tuple[Key, str]] = []
        owned_here = ownership[host].owned.values() if host in ownership else ()
        for owned in owned_here:
            if owned.key not in keys and (asked := questions.of_owned(owned)):
                extra[owned.key] = asked[0]
                marks.append((owned.key, asked[1]))
        key = (profile, tuple(sorted(marks)))
        if key not in shared:
            queries = {r.key: questions.of(r)[0] for r in profile.resources}
            shared[key] = Payload(queries={**queries, **extra})
        result[host] = shared[key]
    return result
