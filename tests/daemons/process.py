"""One daemon: what `reconciler serve` does, with simulated hosts in another process instead of Ansible.

Everything else is the product's own: the store, Git, the loop, its threads and its timers.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom

from reconciler.adapters.brake import FileBrake
from reconciler.adapters.git import GitSettings
from reconciler.adapters.git.source import open_source
from reconciler.adapters.http.app import Desk, application
from reconciler.adapters.http.server import serving
from reconciler.adapters.log import LogListener
from reconciler.adapters.post import Mailbox
from reconciler.adapters.store import open_postgresql
from reconciler.adapters.ticker import ticking
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import Parser
from reconciler.core.serving.condition import Pace
from reconciler.kinds import builtin
from reconciler.loop.lead import Life, live
from reconciler.loop.library import Library
from reconciler.loop.serve import Means
from reconciler.loop.world import Reading, World
from reconciler.model.delivery import Delivery, Reply
from tests.chaos.faults import Fault, Wire
from tests.chaos.hosts import Hosts
from tests.fakes.prober import SimulatedProber

PACE = Pace(observe=timedelta(minutes=5), beat=timedelta(seconds=0.5))
SECRET = b"of webhooks"
VISIT = 0.15
"""Seconds that a host takes at least, so that there is time for something to happen meanwhile."""


class MovedClock:
    """A computer's clock that is wrong."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def wait(self, seconds: float, stopping: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stopping():
            time.sleep(0.1)


class SlowWire(Wire):
    """Hosts that take their time when they are changed."""

    def _visit(self, delivery: Delivery) -> Reply:
        if delivery.payload.works:
            time.sleep(VISIT)
        return super()._visit(delivery)


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the repository `state` and the hosts' socket are")
    parser.add_argument("address", help="the database's")
    parser.add_argument("--lease", type=float, required=True)
    parser.add_argument("--ahead", type=float, default=0.0, help="seconds by which the clock is wrong")
    parser.add_argument("--poll", type=float, default=1.0, help="seconds between two looks at Git")
    given = parser.parse_args()
    pace = replace(PACE, poll=timedelta(seconds=given.poll))
    mailbox, log, kinds = Mailbox(), LogListener("text", "info"), builtin()
    clock = MovedClock(timedelta(seconds=given.ahead))

    def reading() -> Reading:
        source = open_source(str(given.folder / "state"), GitSettings(cache=given.folder / f"cache-{os.getpid()}"))
        return Reading(source, kinds, Library(source, Parser(kinds, DEFAULT)))

    @contextmanager
    def opened() -> Iterator[World]:
        store = open_postgresql(given.address, "", given.lease)
        try:
            wire = SlowWire(Hosts(given.folder / "hosts"), Fault())
            brake = FileBrake(given.folder / "paused")
            yield World(reading(), store, wire, SimulatedProber(), clock, (log,), brake=brake)
        finally:
            store.close()

    means = Means(pace, SystemRandom().random, mailbox.aside, reading, log.publish, mailbox.stopping)
    desk = Desk(mailbox.put, bytes, {"generic": SECRET})
    signal.signal(signal.SIGTERM, lambda *_: mailbox.stop())
    with ticking(PACE.beat, mailbox.put), serving(application(desk), "127.0.0.1:0") as where:
        log.say("info", "listening", address=where)
        try:
            live(Life(mailbox, opened, means))
        finally:
            mailbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
