"""A program as what travels to hosts: the works with their Ansible calls, and what to look at again afterwards.

Knows kinds; knows nothing of carriers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.observing.ask import Questions, remembered_spec
from reconciler.core.planning.fill import Fill, Withheld
from reconciler.kinds import Registry
from reconciler.model.delivery import Payload, Work
from reconciler.model.desired import Profile
from reconciler.model.key import Key
from reconciler.model.observation import Owned, Query
from reconciler.model.plan import Change, Program

Records = Mapping[Key, Owned]


@dataclass(slots=True)
class Payloads:
    """Makes the payload of each program once, and checks that it belongs to the hosts that it is for."""

    registry: Registry
    questions: Questions
    fill: Fill
    _made: dict[tuple[str, tuple[str, ...]], Payload | Withheld] = field(default_factory=dict)
    _fits: dict[tuple[str, Profile], bool] = field(default_factory=dict)

    def of(self, program: Program, profile: Profile | None, records: Records) -> Payload | Withheld | str:
        """The payload for a host with this profile and these records, or why the program isn't for it (any more).

        Withheld, when a secret that goes into it can't be had.
        """
        if profile is None:
            return "the host left Git"
        if not self._belongs(program, profile):
            return "Git asks for something else now"
        pruned = [change.key for change in program.changes if not change.desired]
        if any(key not in records or not records[key].created for key in pruned):
            return "what the plan deletes is not on record as ours any more"
        made = (program.id, tuple(records[key].desired for key in pruned))
        if made not in self._made:
            try:
                self._made[made] = self._payload(program, profile, records)
            except Withheld as withheld:
                self._made[made] = withheld
        return self._made[made]

    def _belongs(self, program: Program, profile: Profile) -> bool:
        known = (program.id, profile)
        if known not in self._fits:
            digests = {resource.key: resource.digest for resource in profile.resources}
            asked = [change for change in program.changes if change.desired]
            self._fits[known] = all(digests.get(change.key) == change.desired for change in asked)
        return self._fits[known]

    def _payload(self, program: Program, profile: Profile, records: Records) -> Payload:
        due = {change.key for change in program.changes if change.action in ("create", "update")}
        specs: dict[Key, tuple[Any, Query]] = {
            r.key: (self.fill.spec(r) if r.key in due else r.spec, self.questions.of(r)[0]) for r in profile.resources
        }
        for change in program.changes:
            if not change.desired:
                specs[change.key] = (remembered_spec(records[change.key], self.registry), change.query)
        works = tuple(self._work(change, specs[change.key][0]) for change in program.changes)
        return Payload({change.key: specs[change.key][1] for change in program.changes}, works)

    def _work(self, change: Change, spec: Any) -> Work:
        kind = self.registry[change.key.kind]
        calls = kind.calls(change.key.name, spec, change.action)
        # A module may repeat its arguments in what it says.
        secret = any(getattr(spec, name, None) is not None for name in kind.secret)
        return Work(change.key, change.query, change.expect, calls, change.sensitive or secret, change.ordinary)
