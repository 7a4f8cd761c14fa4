"""Somebody's word that one plan may run although a limit refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """For exactly the plan with this digest, from `at` until before `until`."""

    plan: str
    actor: str
    reason: str
    at: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is not over. One that was given in the future was given by a clock that nobody can trust."""
        return self.at <= now < self.until
