"""What happens while observing and applying, told to listeners. A closed union."""

from __future__ import annotations

from dataclasses import dataclass
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
class RunFinished:
    run: int
    status: str


Event: TypeAlias = (
    ObserveStarted
    | HostObserved
    | ObserveFinished
    | RunStarted
    | StepStarted
    | HostWorking
    | HostFinished
    | StepFinished
    | RunFinished
)
