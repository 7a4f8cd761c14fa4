"""What happens while observing and applying, told to listeners. A closed union."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from reconciler.model.delivery import Outcome, Reply


@dataclass(frozen=True, slots=True)
class ObserveStarted:
    hosts: int


@dataclass(frozen=True, slots=True)
class HostObserved:
    reply: Reply


@dataclass(frozen=True, slots=True)
class ObserveFinished:
    answered: int
    unreachable: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: int
    plan: str
    steps: int
    hosts: int


@dataclass(frozen=True, slots=True)
class RunRecovered:
    """A run whose process died was taken over and ended. Of the hosts that were in doubt, which had to be asked again:
    `done` are through, `untouched` are as before, `unclear` are in between or did not answer; the next plan sees to
    all but the first."""

    run: int
    started_at: datetime
    done: int
    untouched: int
    unclear: int

    @property
    def asked(self) -> int:
        return self.done + self.untouched + self.unclear


@dataclass(frozen=True, slots=True)
class StepStarted:
    step: str
    service: str
    hosts: int


@dataclass(frozen=True, slots=True)
class HostWorking:
    """A host has done some of its program, and goes on."""

    step: str
    host: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class HostFinished:
    step: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class StepFinished:
    step: str
    service: str


@dataclass(frozen=True, slots=True)
class HealthStarted:
    """Hosts of a finished step are watched, for `bake` seconds at least."""

    step: str
    service: str
    hosts: int
    bake: float


@dataclass(frozen=True, slots=True)
class HealthFinished:
    step: str
    service: str
    unhealthy: int


@dataclass(frozen=True, slots=True)
class RolloutHalted:
    """Nothing more of a service is begun in this run."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Hosts of a failed batch were brought back to a revision, in a run of its own that ended so."""

    service: str
    run: int
    status: str
    revision: str
    hosts: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    run: int
    status: str


@dataclass(frozen=True, slots=True)
class Led:
    """A daemon leads from now on, or (epoch 0) does so no more."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Polled:
    """Git was looked at. `error` is why it could not be; `moved`: there is something new."""

    revision: str
    moved: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class PlanMade:
    """What differs was worked out, in so many seconds: changes that are pending, and that drifted."""

    revision: str
    seconds: float
    pending: int
    drift: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The gate did not let a plan of the daemon through: the limits that it broke, and what was said of each."""

    limits: tuple[str, ...]
    services: tuple[str, ...]
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """A run of the daemon's own is over, after so many seconds. `why` says why it was stopped, if it was."""

    run: int
    status: str
    services: tuple[str, ...]
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Troubled:
    """Something could not be done, and is tried again."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Notified:
    """So many notices went to a channel in one message; or could not (`error` says why), and are tried again."""

    channel: str
    notices: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """So many notices could not be sent for days, and are not tried again."""

    notices: int


Event: TypeAlias = (
    ObserveStarted
    | HostObserved
    | ObserveFinished
    | RunStarted
    | RunRecovered
    | StepStarted
    | HostWorking
    | HostFinished
    | StepFinished
    | HealthStarted
    | HealthFinished
    | RolloutHalted
    | RolledBack
    | RunFinished
    | Led
    | Polled
    | PlanMade
    | Refused
    | Applied
    | Troubled
    | Notified
    | GivenUp
)
