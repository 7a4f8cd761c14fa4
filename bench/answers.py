"""What the hosts of the fleet would answer: as Git asks, but for some that drifted and some that can't be reached."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from reconciler.core.observing.ask import Questions
from reconciler.core.observing.observed import Interned
from reconciler.core.recording.remember import Scribe, Stamp, ownership_of
from reconciler.kinds import Registry
from reconciler.model.desired import Desired, Profile, Resource
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation, Ownership

THEN = datetime(2026, 11, 1, tzinfo=UTC)
DRIFTED = 0.02
UNREACHABLE = 0.005


def facts(resource: Resource) -> Mapping[str, Any]:
    """What a host says of a resource that is as Git asks."""
    spec: Any = resource.spec
    match resource.key.kind:
        case "package":
            return {"status": "installed", "versions": [spec.version] if spec.version else []}
        case "file":
            data = spec.data()
            sha = "sha256:" + hashlib.sha256(data).hexdigest()
            return {"exists": True, "type": "file", "sha256": sha, "mode": spec.mode, "text": data.decode()}
        case "service":
            return {"load": "loaded", "state": "running", "enabled": "enabled", "masked": False}
        case "sysctl":
            return {"exists": True, "value": spec.value, "persisted": spec.value}
        case kind:
            raise AssertionError(kind)


def answers(desired: Desired, registry: Registry, seed: int) -> Iterator[tuple[Observation, Ownership]]:
    """An observation of each host, and records that say that we put everything there."""
    chance = random.Random(seed)
    questions, interned = Questions(registry), Interned()
    scribe = Scribe(desired, registry, Stamp(desired.revision, 1, THEN))
    made: dict[Profile, tuple[dict[Key, Fact], dict[Key, Any]]] = {}
    for host in sorted(desired.hosts):
        profile = desired.profiles[host]
        if profile not in made:
            seen = {r.key: interned.fact(questions.of(r)[0], facts(r)) for r in profile.resources}
            records = scribe.settled({}, profile, [(r, seen[r.key]) for r in profile.resources])
            made[profile] = (seen, {key: _created(record) for key, record in records.items()})
        seen, records = made[profile]
        if chance.random() < DRIFTED:
            seen = _drifted(seen, profile, questions, interned, chance)
        fingerprint, together = interned.together(seen)
        away = "ssh: timed out" if chance.random() < UNREACHABLE else ""
        yield (
            Observation(host, THEN, THEN, f"id-{host}", fingerprint, together, {}, away),
            ownership_of(host, records, desired, None),
        )


def _created(record: Any) -> Any:
    from dataclasses import replace

    return replace(record, created=record.key.kind != "service")


def _drifted(
    seen: dict[Key, Fact], profile: Profile, questions: Questions, interned: Interned, chance: random.Random
) -> dict[Key, Fact]:
    """One file or setting is not what it was."""
    candidates = [r for r in profile.resources if r.key.kind in ("file", "sysctl")]
    if not candidates:
        return seen
    resource = chance.choice(candidates)
    said = dict(seen[resource.key].facts)
    said["mode" if resource.key.kind == "file" else "value"] = chance.choice(("0666", "0777"))
    return {**seen, resource.key: interned.fact(questions.of(resource)[0], said)}
