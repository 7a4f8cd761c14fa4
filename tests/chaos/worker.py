"""A worker: what `reconciler apply` does, and what a daemon tells, in a process that is forked and may be killed at any
point."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
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
from tests.chaos.ground import Ground
from tests.chaos.hosts import Hosts, receive, send
from tests.chaos.scenario import CAP
from tests.chaos.telling import tell
from tests.fakes.prober import SimulatedProber
from tests.fakes.source import Commits
from tests.lab.postgres import end_with_parent

KINDS = builtin()


class Ended(IntEnum):
    """How a worker came to its end by itself."""

    SUCCEEDED = 0
    FAILED = 1
    IDLE = 2
    REFUSED = 3
    TAKEN = 4
    STALLED = 5
    BROKEN = 9


@dataclass
class Setting:
    """Where a worker works. `bend` makes a world a wrong one, for bugs that are planted."""

    ground: Ground
    hosts: Hosts
    source: Commits
    bend: Callable[[World], World] = lambda world: world
    library: Library = field(init=False)

    def __post_init__(self) -> None:
        self.library = Library(self.source, Parser(KINDS, DEFAULT))


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


def time_passes(ground: Ground) -> None:
    """So much that every lease is over, and nobody waits any more for who was sending something. A file knows by itself
    that who held it has died."""
    with ground.store()._database.writer.begin() as connection:
        if ground.backend == "postgresql":
            connection.exec_driver_sql("UPDATE lease SET expires_at = clock_timestamp() - interval '1 second'")
        connection.exec_driver_sql("UPDATE outgoing SET claimed_until = NULL")


@dataclass
class Worker:
    """A process that does one thing after another, until it is killed. When it has done one it stands still, so that
    a single wait tells whatever becomes of it."""

    setting: Setting
    pid: int
    line: socket.socket

    @classmethod
    def started(cls, setting: Setting) -> Worker:
        """Forks one."""
        setting.ground.part()
        ours, its = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                end_with_parent(signal.SIGKILL)
                setting.ground.disown()
                _serve(setting, its)
            finally:
                os._exit(Ended.BROKEN)
        its.close()
        return cls(setting, pid, ours)

    def begin(self, fault: Fault, mode: str = "apply") -> None:
        """`mode` is `apply`, `resume`, `plan` or `tell`."""
        send(self.line, (self.setting.source, fault, mode))
        self.go_on()

    def go_on(self) -> None:
        """If it stands still."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> int:
        """How it ended: what `Ended` says, or minus the number of the signal that killed or stopped it."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self.line.close()
            return os.waitstatus_to_exitcode(status)
        if select.select([self.line], [], [], 0)[0]:
            return int(receive(self.line))
        return -os.WSTOPSIG(status)

    def kill(self) -> None:
        """If it lives."""
        if self.line.fileno() >= 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.line.close()


def done(setting: Setting, fault: Fault | None = None, mode: str = "apply") -> int:
    """How a worker of its own ended that did one thing."""
    worker = Worker.started(setting)
    worker.begin(fault or Fault(), mode)
    try:
        return worker.end()
    finally:
        worker.kill()


def _serve(setting: Setting, line: socket.socket) -> None:
    while True:
        source, fault, mode = receive(line)
        vars(setting.source).update(vars(source))
        send(line, _status(setting, fault, mode))
        os.kill(os.getpid(), signal.SIGSTOP)


def _status(setting: Setting, fault: Fault, mode: str) -> Ended:
    try:
        return work(setting, fault, mode)
    except Retry:
        return Ended.TAKEN
    except Stalled:
        return Ended.STALLED
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must hear of it
        traceback.print_exc()
        sys.stderr.flush()
        return Ended.BROKEN


def work(setting: Setting, fault: Fault, mode: str) -> Ended:
    """Does it in this process. Raises Retry while somebody else is at work, Stalled when that took it over."""
    store = _Remembering(Struck(setting.ground.store(), "store", fault))
    reading = Reading(setting.source, KINDS, setting.library)
    wire = Wire(setting.hosts, fault, lambda: store.applying)
    limits = Limits(deletes=CAP, deletes_share=0, delete_service_share=1, delete_fleet_share=1)
    outbox = Struck(store.outbox, "outbox", fault)
    world = World(reading, store, wire, SimulatedProber(), _Clock(), limits=limits, outbox=outbox)
    world = setting.bend(world)
    if mode == "tell":
        tell(world, setting.hosts, fault)
        return Ended.IDLE
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
