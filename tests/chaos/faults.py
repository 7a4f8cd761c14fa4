"""Where a worker dies: ports in a wrapping that kills the process before or after a call, so that the product holds no
hooks for tests.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.delivery import Delivery, Reply
from reconciler.ports import Hearing, unheard
from tests.chaos.hosts import Hosts, Packet, Strike

CRASH_TABLE = {
    "plan stored": "store.begin_run.after",
    "claim": "store.hold.after",
    "intent committed": "store.intend.after",
    "host accepted the epoch": "host.accepted",
    "effect of a change": "host.effect",
    "outcome committed": "store.record.after",
    "notification not sent": "outbox.put.after",
}
"""The rows of the crash table, and where they are in the code."""

IN_TELLING = ("outbox.put.before", "outbox.put.after", "outbox.claim.after", "messenger.send.before",
              "messenger.send.after", "outbox.sent.after")  # fmt: skip
"""Where a worker comes by that tells people something."""
POINTS = (
    *(point for point in CRASH_TABLE.values() if point not in IN_TELLING),
    "store.hold.before",
    "store.begin_run.before",
    "store.intend.before",
    "store.record.before",
    "store.end_run.before",
    "store.end_run.after",
    "store.save_observations.after",
    "store.note_in_order.after",
    "carrier.sent",
    "carrier.answered",
    "host.worked",
)

IN_RECOVERY = ("store.take_over.before", "store.take_over.after", "carrier.sent", "carrier.answered", "host.accepted",
               "store.record.before", "store.record.after", "store.end_run.before", "store.end_run.after")  # fmt: skip
"""Where a worker comes by that goes on after one that died."""
IN_WATCHING = ("store.save_observations.after", "store.note_in_order.after")
"""Where one comes by that changes nothing."""


@dataclass
class Fault:
    """What happens to one worker: at the `count`-th time that it comes to `point`. `what` is `kill`, `pause`, `delay`
    (the packet stays under way and the worker is killed) or `reboot` (of the host)."""

    point: str = ""
    count: int = 1
    what: str = "kill"

    def __str__(self) -> str:
        return f"{self.what} at {self.point} #{self.count}" if self.point else "no fault"

    def reached(self, point: str) -> bool:
        """Whether this is the time."""
        if point == self.point:
            self.count -= 1
            return self.count == 0
        return False

    def pass_by(self, point: str) -> None:
        if self.reached(point):
            os.kill(os.getpid(), signal.SIGKILL if self.what == "kill" else signal.SIGSTOP)

    def strike(self) -> Strike | None:
        """For a packet that is about to leave."""
        point = self.point.removeprefix("host.")
        if point == self.point or not self.reached(self.point):
            return None
        number = signal.SIGSTOP if self.what == "pause" else signal.SIGKILL
        return Strike(point, self.what, number)


@dataclass
class Struck:
    """A port around which the worker may die."""

    port: Any
    name: str
    fault: Fault

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.port, name)
        if not callable(inner):
            return inner
        if name == "hold":
            return self._hold

        def call(*arguments: Any, **more: Any) -> Any:
            self.fault.pass_by(f"{self.name}.{name}.before")
            answer = inner(*arguments, **more)
            self.fault.pass_by(f"{self.name}.{name}.after")
            return answer

        return call

    @contextmanager
    def _hold(self, purpose: str) -> Iterator[Any]:
        self.fault.pass_by(f"{self.name}.hold.before")
        with self.port.hold(purpose) as held:
            self.fault.pass_by(f"{self.name}.hold.after")
            yield held


@dataclass
class Wire:
    """A carrier to the hosts' process. `plan` answers the digest of the plan that is being applied."""

    hosts: Hosts
    fault: Fault
    plan: Callable[[], str] = field(default=lambda: "")

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        for delivery in deliveries:
            if stopping():
                yield Reply(delivery.host.name, "skipped", "not begun: the run was stopped")
            else:
                yield self._visit(delivery)

    def _visit(self, delivery: Delivery) -> Reply:
        strike = self.fault.strike() if delivery.epoch else None
        packet = Packet(delivery, os.getpid(), self.plan(), strike)
        if delivery.epoch:
            self.fault.pass_by("carrier.sent")
        try:
            reply = self.hosts.ask(packet)
        except EOFError:
            return Reply(delivery.host.name, "lost", "the connection broke")
        if delivery.epoch:
            self.fault.pass_by("carrier.answered")
        assert isinstance(reply, Reply)
        return reply
