"""What drifts: fields that hosts changed themselves, told apart from what Git changed.

Reads an assessment; knows nothing of how it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.assessing.due import Assessment, Due
from reconciler.model.desired import Desired, Profile
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.observation import Observation
from reconciler.model.plan import Action, FieldChange


@dataclass(frozen=True, slots=True, eq=False)
class Drifted:
    """The same drift of one resource on a set of hosts. `since` maps each host to when it was first seen so.
    `pending`: Git changed it too, so that only a whole apply brings it into order."""

    key: Key
    action: Action
    service: str
    place: Place
    fields: tuple[FieldChange, ...]
    hosts: tuple[str, ...]
    since: Mapping[str, datetime | None]
    pending: bool = False


def drifted(assessment: Assessment, desired: Desired, observations: Mapping[str, Observation]) -> list[Drifted]:
    """Everything that drifts, grouped by what is the same, sorted. Services with `heal: off` are left out."""
    groups: dict[str, tuple[Due, tuple[FieldChange, ...], Place, list[str]]] = {}
    for verdict, hosts in assessment.verdicts:
        for due in verdict.dues:
            fields = tuple(field for field in due.change.fields if field.cause == "drift")
            service = desired.services.get(due.service)
            if due.triggers or not fields or service is None or service.heal == "off":
                continue
            same = digest(
                [due.service, *due.change.key, due.change.action, [[f.path, f.before, f.after] for f in fields]]
            )
            place = _place(due, desired.profiles[hosts[0]], service.place)
            groups.setdefault(same, (due, fields, place, []))[3].extend(hosts)
    found = [
        Drifted(
            key=due.change.key,
            action=due.change.action,
            service=due.service,
            place=place,
            fields=fields,
            hosts=tuple(sorted(hosts)),
            since={host: _since(due.change.key, observations[host]) for host in hosts},
            pending=due.change.cause == "pending",
        )
        for due, fields, place, hosts in groups.values()
    ]
    return sorted(found, key=lambda d: (d.service, d.key, d.hosts))


def _place(due: Due, profile: Profile, otherwise: Place) -> Place:
    return next((r.place for r in profile.resources if r.key == due.change.key), otherwise)


def _since(key: Key, seen: Observation) -> datetime | None:
    """When the host was first seen so; for a host that was never seen otherwise, when it was last asked."""
    return seen.since.get(key, seen.observed_at)
