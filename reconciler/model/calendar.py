"""When changes may run: windows and freezes, from Git or by an operator's word.

Must not know how either is written down, nor what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Effect = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which services are meant: those of these names or projects, all of them where neither is given.

    `within` is the project that has the word: others' services are never meant (empty: the operator).
    """

    services: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    within: str = ""

    def covers(self, service: str, project: str) -> bool:
        """Whether a service of a project (empty: of none) is meant."""
        if self.within and project != self.within:
            return False
        return not (self.services or self.projects) or service in self.services or project in self.projects

    def __str__(self) -> str:
        named = [f"service {name}" for name in self.services] + [f"project {name}" for name in self.projects]
        inside = f"all of project {self.within}" if self.within else "everything"
        return ", ".join(named) or inside


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at each time that `cron` means in the time zone, and closes `duration` later. Changes to what it reaches
    run only inside (allow) or only outside (deny). `origin` says where it was written."""

    name: str
    effect: Effect
    cron: str
    duration: timedelta
    zone: str = "UTC"
    reach: Reach = field(default_factory=Reach)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing runs on what it reaches, from `start` (None: always) until `until` (None: until it is taken away).

    `origin` says where it was written, or who ordered it.
    """

    name: str
    reason: str
    reach: Reach = field(default_factory=Reach)
    start: datetime | None = None
    until: datetime | None = None
    origin: str = ""
