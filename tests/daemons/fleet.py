"""A repository, hosts that keep logs, a database, and daemons that are started, struck and ended by their numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from reconciler.core.serving.webhook import signature
from tests.chaos.hosts import Hosts, Visit, hosts
from tests.cli.daemon import Served
from tests.cli.place import Place as Repository
from tests.cli.place import place_in
from tests.daemons.line import Line, line
from tests.daemons.process import SECRET
from tests.fakes.fleet import written
from tests.lab import postgres
from tests.patience import until
from tests.stores import place

LEASE = 6.0
NAMES = [f"web-{n:02}" for n in range(24)]


@dataclass
class Daemon:
    """A process, with its own line to the database."""

    process: subprocess.Popen[bytes]
    line: Line
    log: Path

    @property
    def owner(self) -> str:
        """As leases name it."""
        return f"pid {self.process.pid} on "

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def webhook(self, name: str, secret: bytes = SECRET) -> int:
        """Somebody says that Git has moved; the status that he gets."""
        stamp = str(int(time.time()))
        headers = {
            "X-Reconciler-Timestamp": stamp,
            "X-Reconciler-Delivery": name,
            "X-Reconciler-Signature": signature(secret, stamp, name, b"{}"),
        }
        return Served(self.process, self.log).post("/webhooks/generic", b"{}", headers)


@dataclass
class Fleet:
    folder: Path
    repository: Repository
    hosts: Hosts
    address: str
    daemons: list[Daemon] = field(default_factory=list)

    def commit(self, content: str) -> None:
        """All hosts are to have this."""
        resources = [{"file": f"/etc/{name}", "content": f"{content}\n"} for name in ("a", "b")]
        service = {
            "sync": "auto",
            "heal": "auto",
            "resources": resources,
            "rollout": {"canary": 0, "batches": ["100%"]},
        }
        files = written({"hosts": {name: {"role": "web"} for name in NAMES}, "services": {"edge": service}})
        self.repository.commit({name: text or "" for name, text in files.items()})

    def contents(self) -> set[str]:
        """What the hosts have."""
        paths = [self.hosts.ask(("machine", name)).paths for name in NAMES]
        return {machine[f"/etc/{name}"]["content"].decode().strip() if f"/etc/{name}" in machine else ""
                for machine in paths for name in ("a", "b")}  # fmt: skip

    def log(self) -> list[Visit]:
        """What the hosts noted, in order."""
        return sorted(self.hosts.ask(("log",)), key=lambda visit: visit.start)

    def ask(self, query: str) -> tuple[object, ...]:
        """The first row of an answer of the database, past all lines."""
        with psycopg.connect(self.address) as connection:
            return connection.execute(query).fetchone() or ()

    def now(self) -> datetime:
        """By the database's clock."""
        (now,) = self.ask("SELECT clock_timestamp()")
        assert isinstance(now, datetime)
        return now

    def leader(self) -> Daemon | None:
        """Who has the lease, whether it is in force or not."""
        row = self.ask("SELECT owner FROM lease WHERE purpose = 'daemon'")
        return next((d for d in self.daemons if row and str(row[0]).startswith(d.owner)), None)

    def led_since(self) -> datetime:
        (since,) = self.ask("SELECT since FROM lease WHERE purpose = 'daemon'")
        assert isinstance(since, datetime)
        return since

    def until(self, what: Callable[[], object]) -> None:
        """Waits until something is so."""
        until(what, lambda: "\n\n".join(daemon.log.read_text()[-3000:] for daemon in self.daemons))


@contextmanager
def fleet(count: int, ahead: float = 0.0, poll: float = 1.0) -> Iterator[Fleet]:
    """So many daemons; clocks of some are wrong by so many seconds, of others as much the other way. They look at Git
    every `poll` seconds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=postgres.MEMORY)))
        repository = place_in(folder)
        database = stack.enter_context(place("postgresql"))
        made = Fleet(folder, repository, stack.enter_context(hosts(folder)), database.address)
        made.commit("one")
        server = Path(parse_qs(urlsplit(database.address).query)["host"][0])
        for number in range(count):
            to = stack.enter_context(line(folder / f"line-{number}", server))
            made.daemons.append(_started(made, to, ahead * (-1) ** number, poll))
        stack.callback(_ended, made)
        yield made


def _started(fleet: Fleet, to: Line, ahead: float, poll: float) -> Daemon:
    log = to.folder / "log"
    address = fleet.address.replace(str(to.server), str(to.folder))
    command = [sys.executable, "-m", "tests.daemons.process", str(fleet.folder), address]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--lease", str(LEASE), "--ahead", str(ahead), "--poll", str(poll)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    return Daemon(process, to, log)


def _ended(fleet: Fleet) -> None:
    for daemon in fleet.daemons:
        if daemon.process.poll() is None:
            daemon.signal(signal.SIGKILL)
        daemon.process.wait()
