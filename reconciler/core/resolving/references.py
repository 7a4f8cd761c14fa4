"""Checks a profile as a whole: conflicts, references between resources, cycles, kinds that a host can't take.

Runs once for each distinct profile. Knows nothing of how profiles came to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.graph import cycles
from reconciler.kinds import Registry
from reconciler.kinds.base import Token
from reconciler.model.desired import Profile, Resource
from reconciler.model.key import Key
from reconciler.model.problem import Problem

Finding = tuple[str, Problem]
"""A service that can't be used on the profile's hosts, and why."""


def check_profile(profile: Profile, requires: Mapping[str, Sequence[str]], registry: Registry) -> Iterator[Finding]:
    """Every finding about the hosts that share the profile. It names none of them, so that it is the same for all."""
    yield from _conflicts(profile)
    yield from _clashes(profile, registry)
    yield from _dangling(profile, requires)
    yield from _cycles(profile)


def check_rooted(profile: Profile, registry: Registry) -> Iterator[Finding]:
    """Resources that hosts whose `/` is only a directory can't take."""
    for resource in profile.resources:
        if not registry[resource.key.kind].rooted:
            message = f"{resource.key} can't be had where a host's root is a directory, not a machine"
            possible = ", ".join(kind for kind in registry if registry[kind].rooted)
            hint = f"keep such hosts out of the selector, or use only {possible}"
            yield resource.service, _problem(resource, "needs-machine", message, hint)


def _problem(resource: Resource, reason: str, message: str, hint: str = "") -> Problem:
    return Problem(resource.place, reason, message, f"Service/{resource.service}", hint)


def _conflicts(profile: Profile) -> Iterator[Finding]:
    first: dict[Key, Resource] = {}
    for resource in profile.resources:
        other = first.setdefault(resource.key, resource)
        if other is resource:
            continue
        for one, two in ((other, resource), (resource, other)):
            message = f"{one.key} is also asked for, differently, by service {two.service} at {two.place}"
            hint = "let one service have it, or make both ask for the same"
            yield one.service, _problem(one, "conflict", message, hint)


def _clashes(profile: Profile, registry: Registry) -> Iterator[Finding]:
    """Resources of different names that mean the same thing on the host."""
    claimed: dict[Token, Resource] = {}
    kinds = [(registry[r.key.kind], r) for r in profile.resources]
    for kind, resource in kinds:
        for token in sorted(kind.claims(resource.key.name, resource.spec)):
            other = claimed.setdefault(token, resource)
            if other.key != resource.key:
                yield from _clash(other, resource)
    for kind, resource in kinds:
        for token in sorted(kind.edits(resource.key.name, resource.spec)):
            if token in claimed:
                yield from _clash(claimed[token], resource)


def _clash(first: Resource, second: Resource) -> Iterator[Finding]:
    for one, two in ((first, second), (second, first)):
        message = f"{one.key} and {two.key} (service {two.service}, {two.place}) would undo each other on the host"
        yield one.service, _problem(one, "conflict", message, "let only one of them have it")


def _dangling(profile: Profile, requires: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    owners: dict[Key, str] = {r.key: r.service for r in profile.resources}
    for resource in profile.resources:
        for ref in (*resource.requires, *resource.reload_on, *resource.restart_on):
            if ref not in owners:
                message = f"{resource.key} refers to {ref}, which no service asks for there"
                yield resource.service, _problem(resource, "dangling-reference", message, _nearby(ref, owners))
            elif owners[ref] != resource.service and owners[ref] not in _required(resource.service, requires):
                owner = owners[ref]
                message = (
                    f"{resource.key} refers to {ref} of service {owner}, which {resource.service} does not require"
                )
                hint = f"add {owner} to `requires` of service {resource.service}"
                yield resource.service, _problem(resource, "dangling-reference", message, hint)


def _nearby(ref: Key, known: Mapping[Key, str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(str(ref), [str(key) for key in known], n=1)
    return f'did you mean "{near[0]}"?' if near else "references are written kind/name"


def _required(service: str, requires: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    stack = [service]
    while stack:
        for name in requires.get(stack.pop(), ()):
            if name not in found:
                found.add(name)
                stack.append(name)
    return found


def _cycles(profile: Profile) -> Iterator[Finding]:
    edges = {str(r.key): [str(ref) for ref in r.requires] for r in profile.resources}
    if not any(edges.values()):
        return
    by_key = {str(r.key): r for r in profile.resources}
    for _, way in cycles(edges):
        resource = by_key[way[0]]
        message = f"resources require each other in a circle: {' → '.join(way)}"
        yield resource.service, _problem(resource, "requires-cycle", message, "take one of them out of requires")
