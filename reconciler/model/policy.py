"""Policies: what a team's rules say to changes, as plain values. Must not know how they are judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reconciler.model.calendar import Reach

Stance = Literal["deny", "warn"]
"""What a policy says to the changes that it is met by."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Says something to every change of the services that it reaches, on `hosts` (None: on all), for which the
    expression `when` is true. `approvable`: an approval of the plan lifts it. `origin` says where it was written.

    `broken` is why it can't be used; it then denies all that it may be meant for.
    """

    name: str
    stance: Stance
    message: str
    when: str
    reach: Reach = field(default_factory=Reach)
    hosts: frozenset[str] | None = None
    approvable: bool = True
    origin: str = ""
    broken: str = ""
