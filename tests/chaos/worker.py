"""A worker: what `reconciler apply` does, in a process that is forked and may be killed at any point."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from reconciler.core.gate import Allowance, Limits
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser
from reconciler.kinds import builtin
from reconciler.loop import reconcile
from reconciler.loop.library import Library
from reconciler.loop.reconcile import Request
from reconciler.loop.world import Reading, World
from reconciler.model.errors import Retry, Stalled
from tests.chaos.faults import Fault, Struck, Wire
from tests.chaos.hosts import Hosts
from tests.chaos.scenario import CAP
from tests.fakes.fleet import fleet
from tests.fakes.prober import SimulatedProber
from tests.fakes.source import Commits
from tests.stores import Place


class Ended(IntEnum):
    """How a worker came to its end by itself."""

    SUCCEEDED = 0
    FAILED = 1
    IDLE = 2
    REFUSED = 3
    TAKEN = 4
    STALLED = 5
    BROKEN = 9


@dataclass(frozen=True)
class Setting:
    """Where a worker works. `bend` makes a world a wrong one, for bugs that are planted."""

    place: Place
    hosts: Hosts
    source: Commits
    bend: Callable[[World], World] = lambda world: world


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """Nobody bakes here."""


@dataclass
class _Remembering:
    """Remembers which plan is being applied, for the hosts' logs."""

    store: Any
    applying: str = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def begin_run(self, plan: Any, *rest: Any) -> Any:
        run = self.store.begin_run(plan, *rest)
        self.applying = plan.digest
        return run

    def take_over(self, run: Any, epoch: int) -> Any:
        self.applying = run.plan
        return self.store.take_over(run, epoch)


def warm_up() -> None:
    """Does all of it once in memory, so that what is loaded when it is needed is there in every worker."""
    with fleet({"hosts": {"a": {"role": "web"}}, "services": {"s": {"resources": [{"package": "nginx"}]}}}) as world:
        world.apply()


def start(setting: Setting, fault: Fault, mode: str) -> int:
    """Forks a worker; answers its number. `mode` is `apply`, `resume` or `plan`."""
    child = os.fork()
    if child:
        return child
    status = Ended.BROKEN
    try:
        status = _work(setting, fault, mode)
    except Retry:
        status = Ended.TAKEN
    except Stalled:
        status = Ended.STALLED
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _work(setting: Setting, fault: Fault, mode: str) -> Ended:
    store = _Remembering(Struck(setting.place(), "store", fault))
    registry = builtin()
    library = Library(setting.source, Parser(registry, DEFAULT))
    reading = Reading(setting.source, registry, library)
    wire = Wire(setting.hosts, fault, lambda: store.applying)
    limits = Limits(deletes=CAP, deletes_share=0, delete_service_share=1, delete_fleet_share=1)
    world = setting.bend(World(reading, store, wire, SimulatedProber(), _Clock(), limits=limits))
    if mode == "plan":
        reconcile.watch(world, reconcile.plan(world, Request()))
        return Ended.IDLE
    reconcile.settle_interrupted(world)
    planned = reconcile.resumed(world) if mode == "resume" else None
    planned = planned or reconcile.plan(world, Request())
    if reconcile.refusals(world, planned, Allowance()):
        return Ended.REFUSED
    recording = planned.plan.releases or any(verdict.equal for verdict, _ in planned.assessment.verdicts)
    if not (planned.plan.steps or recording):
        return Ended.IDLE
    return Ended.SUCCEEDED if reconcile.apply(world, planned, "chaos").status == "succeeded" else Ended.FAILED
