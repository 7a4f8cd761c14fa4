"""The ports as a simulated process has them: every call takes its turn on the stage, and may fail as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.delivery import Delivery, Reply
from reconciler.model.errors import Retry
from reconciler.model.order import Order
from reconciler.ports import Hearing, Message, Revision, Tick, Tree, Woken, unheard
from tests.fakes.carrier import SimulatedCarrier
from tests.fakes.machine import Machine
from tests.fakes.source import Commits
from tests.fakes.store import LEASE, Hold, MemoryStore
from tests.simulation.stage import Actor, Stage


@dataclass
class StageClock:
    """`ahead` tells by how much it is wrong."""

    stage: Stage
    ahead: Callable[[], timedelta]

    def now(self) -> datetime:
        return self.stage.now + self.ahead()

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """As the port says."""
        end = self.stage.now + timedelta(seconds=seconds)
        while not stopping() and self.stage.now < end:
            self.stage.sleep(min(5.0, (end - self.stage.now).total_seconds()))


@dataclass
class StageStore:
    """A process's hands on the store."""

    inner: MemoryStore
    stage: Stage
    outages: Outages

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if not callable(value) or name == "close":
            return value

        def call(*given: Any, **more: Any) -> Any:
            self.stage.point()
            self._reach()
            answer = value(*given, **more)
            if name in _WRITES and self.stage.random.random() < self.outages.unsure:
                raise Retry("the connection to the store was lost", "try again")
            self.stage.point()
            return answer

        return call

    @contextmanager
    def hold(self, purpose: str) -> Iterator[Hold]:
        """As the port says. Who is dead, or can't reach the store, gives nothing back."""
        self.stage.point()
        self._reach()
        with self.inner.hold(purpose) as hold:
            if hold.lease.expires_at is not None:
                self.stage.act(self.inner.process, lambda: self._keep(hold))
            try:
                yield hold
            finally:
                lost = self._lost()
        if lost and hold.lease.expires_at is not None:
            self.inner.kept.leases.setdefault(purpose, hold.lease)

    def _keep(self, hold: Hold) -> None:
        """What the thread does that renews a lease."""
        while not hold.released and not hold.over():
            self.stage.sleep(LEASE.total_seconds() / 4)
            if not self._lost():
                hold.renew()

    def _reach(self) -> None:
        self.outages.reach("store")
        self.outages.reach(f"store of {self.inner.process}")

    def _lost(self) -> bool:
        whose = ("store", f"store of {self.inner.process}")
        return self.inner.process in self.stage.dead or any(self.stage.now < self.outages.since(what) for what in whose)


_WRITES = ("record", "save_observations", "save_ownership", "save_attempts", "claim_tick", "end_run", "note_in_order")


@dataclass
class Outages:
    """Until when a part of the world can't be reached, and since when it can be again. `unsure` is the share of writes
    to the store that are done and yet answered with an error."""

    stage: Stage
    unsure: float = 0.0
    until: dict[str, datetime] = field(default_factory=dict)

    def begin(self, what: str, span: timedelta) -> None:
        self.until[what] = self.stage.now + span

    def end(self) -> None:
        """Everything can be reached again, and answers as it should."""
        self.until = {what: min(until, self.stage.now) for what, until in self.until.items()}
        self.unsure = 0.0

    def reach(self, what: str) -> None:
        if self.stage.now < self.since(what):
            raise Retry(f"the {what} can't be reached", "try again")

    def since(self, what: str) -> datetime:
        return self.until.get(what, datetime.min.replace(tzinfo=self.stage.now.tzinfo))


@dataclass
class StageSource:
    """Git, which takes a while and can't always be reached."""

    commits: Commits
    stage: Stage
    outages: Outages

    def poll(self, rev: str | None = None) -> Revision:
        self.stage.sleep(self.stage.random.random() * 3)
        self.outages.reach("git")
        return self.commits.poll(rev)

    def revision(self, rev: str | None = None) -> Revision:
        return self.commits.revision(rev)

    def tree(self, revision: Revision) -> Tree:
        return self.commits.tree(revision)

    def read(self, blob: str, limit: int) -> bytes | None:
        return self.commits.read(blob, limit)


@dataclass
class StageBrake:
    """One file for all processes. A look at it is no moment at which anything else happens: what it says holds for the
    host that is begun right after."""

    pause: Order | None = None

    def pulled(self) -> Order | None:
        return self.pause

    def pull(self, pause: Order) -> None:
        self.pause = pause

    def release(self) -> bool:
        before, self.pause = self.pause, None
        return before is not None


@dataclass
class Hosts(SimulatedCarrier):
    """Hosts that all processes share. `done` is what each did at its last visit, whatever was heard of it."""

    done: dict[str, Reply] = field(default_factory=dict)

    def _visit(self, machine: Machine, delivery: Delivery) -> Reply:
        self.done[delivery.host.name] = reply = super()._visit(machine, delivery)
        return reply


@dataclass
class Visits:
    """What is noted of visits that change something: that one begins, and at its end what was heard and was done."""

    begin: Callable[[str, Delivery], None]
    end: Callable[[str, Delivery, Reply, Reply], None]


@dataclass
class StageCarrier:
    """One process's way to hosts that all share. A visit takes time, and what happens meanwhile happens."""

    hosts: Hosts
    stage: Stage
    process: str
    visits: Visits
    slow: dict[str, float] = field(default_factory=dict)

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        """As the port says."""
        for delivery in deliveries:
            yield self._one(delivery, stopping, hearing)

    def _one(self, delivery: Delivery, stopping: Callable[[], bool], hearing: Hearing) -> Reply:
        random, host = self.stage.random, delivery.host.name
        self.stage.point()
        if stopping():
            return Reply(host, "skipped", "not begun: the run was stopped")
        if delivery.payload.works:
            self.visits.begin(self.process, delivery)
        # What is begun may be done on the host long before the answer comes, and whether or not anybody still waits.
        early = self._visit(delivery, hearing) if random.random() < 0.5 else None
        usual = random.random() ** 2 * 40 if delivery.payload.works else random.random()
        self.stage.sleep(self.slow.get(host, usual))
        return early or self._visit(delivery, hearing)

    def _visit(self, delivery: Delivery, hearing: Hearing) -> Reply:
        reply = next(iter(self.hosts.carry([delivery], lambda: False, hearing)))
        if delivery.payload.works:
            self.visits.end(self.process, delivery, reply, self.hosts.done.pop(reply.host, reply))
        return reply


@dataclass
class StagePost:
    """A process's post. `lost` and `doubled` are the shares of messages that don't come, or come twice."""

    stage: Stage
    process: str
    lost: float = 0.0
    doubled: float = 0.0
    ending: bool = False
    reader: Actor | None = None
    _inbox: list[Message] = field(default_factory=list)

    def put(self, message: Message) -> None:
        random = self.stage.random
        times = 0 if random.random() < self.lost else 2 if random.random() < self.doubled else 1
        self._inbox += [message] * times
        self._wake()

    def stop(self) -> None:
        """As SIGTERM."""
        self.ending = True
        self._wake()

    def stopping(self) -> bool:
        return self.ending

    def wait(self, seconds: float) -> Sequence[Message]:
        self.stage.point()
        if not self._inbox and not self.ending:
            self.stage.sleep(seconds)
        found, self._inbox = self._inbox, []
        return found

    def pause(self, seconds: float) -> None:
        self.stage.sleep(seconds)

    def aside(self, work: Callable[[], None]) -> None:
        """In another thread of the process."""

        def done() -> None:
            work()
            self.put(Woken())

        self.stage.act(self.process, done)

    def tick(self, every: timedelta) -> None:
        """What the timer's thread does."""
        while not self.ending:
            self.stage.sleep(every.total_seconds())
            self.put(Tick("beat", self.stage.now))

    def _wake(self) -> None:
        if self.reader is not None and not self.reader.over:
            self.stage.wake(self.reader)
