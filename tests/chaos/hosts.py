"""The hosts, in a process of their own that no worker can take with it. They are the oracle: each keeps a log of what
it was asked and what it did, under which epoch and plan. Whoever is told something lives there, too, and remembers it.

A host does what the real one does: one visit at a time, refuse an old epoch, check, mark the epoch, work, answer.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.model.delivery import Call, Delivery, Outcome, Reply, Work
from reconciler.model.digest import digest, text_digest
from reconciler.model.key import Key
from tests.fakes.machine import Failed, Machine


@dataclass(frozen=True)
class Strike:
    """What happens to the worker or the host at a point of a visit: the worker is killed or stopped (`number` of a
    signal), the host goes down (`reboot`), or the packet is held back until somebody else has been there (`delay`)."""

    point: str
    what: str
    number: int = 0


@dataclass(frozen=True)
class Packet:
    """What a worker sends. `plan` and `step` are only for the log."""

    delivery: Delivery
    worker: int
    plan: str = ""
    strike: Strike | None = None


@dataclass
class Visit:
    """One entry of a host's log. `effects` are (resource, what it was then)."""

    host: str
    epoch: int
    plan: str
    start: int
    end: int = 0
    status: str = ""
    works: tuple[Key, ...] = ()
    unreadable: tuple[Key, ...] = ()
    effects: list[tuple[str, str]] = field(default_factory=list)


class Down(Exception):
    """The host went down in the middle."""


@dataclass
class Host:
    """One machine with its lock, its epochs and its log."""

    machine: Machine
    fenced: bool
    tick: Callable[[], int]
    log: list[Visit] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    delayed: list[Packet] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def visit(self, packet: Packet) -> Reply:
        """Raises Down when it goes down before it answers."""
        with self.lock:
            reply = self._visit(packet)
            late = [held for held in self.delayed if held.delivery.epoch < packet.delivery.epoch]
            self.delayed = [held for held in self.delayed if held not in late]
            for held in late:
                self._visit(held)
            return reply

    def hold_back(self, packet: Packet) -> None:
        with self.lock:
            self.delayed.append(Packet(packet.delivery, 0, packet.plan))

    def _visit(self, packet: Packet) -> Reply:
        delivery = packet.delivery
        unreadable = tuple(work.key for work in delivery.payload.works if work.key in self.machine.unreadable)
        works = tuple(work.key for work in delivery.payload.works)
        entry = Visit(delivery.host.name, delivery.epoch, packet.plan, self.tick(), works=works, unreadable=unreadable)
        if delivery.epoch:
            self.log.append(entry)
        try:
            reply = self._answer(packet, entry)
            entry.status = reply.status
            return reply
        finally:
            entry.end = self.tick()

    def _answer(self, packet: Packet, entry: Visit) -> Reply:
        delivery, payload, name = packet.delivery, packet.delivery.payload, packet.delivery.host.name
        seen = self.epochs.get(delivery.store, 0)
        if delivery.epoch and delivery.epoch < seen and self.fenced:
            return Reply(name, "refused", f"epoch {delivery.epoch} is older than {seen}")
        checked = [work for work in payload.works if work.expect]
        stale = [w.key for w in checked if digest(self.machine.answer(w.key, w.query)) != w.expect]
        facts = {key: self.machine.answer(key, query) for key, query in payload.queries.items()}
        if stale:
            outcomes = tuple(Outcome(work.key, "stale" if work.key in stale else "skipped") for work in payload.works)
            return Reply(name, "stale", "not as planned", self.machine.identity, facts, outcomes, seen)
        if delivery.epoch:
            self.epochs[delivery.store] = delivery.epoch
            at(packet, "accepted")
        outcomes = tuple(self._perform(payload.works, packet, entry))
        at(packet, "worked")
        failed = next((outcome for outcome in outcomes if outcome.result == "failed"), None)
        facts = {key: self.machine.answer(key, query) for key, query in payload.queries.items()}
        reason = f"{failed.key}: {failed.message}" if failed else ""
        return Reply(name, "failed" if failed else "done", reason, self.machine.identity, facts, outcomes, seen)

    def _perform(self, works: tuple[Work, ...], packet: Packet, entry: Visit) -> Iterator[Outcome]:
        failed = False
        for work in works:
            if failed:
                yield Outcome(work.key, "skipped")
                continue
            try:
                changed = [self.machine.perform(call) for call in work.calls if call.needs in ("", "apt-get")]
            except Failed as error:
                failed = True
                yield Outcome(work.key, "failed", str(error))
                continue
            if any(changed):
                entry.effects.append((str(work.key), what(work.calls)))
            at(packet, "effect")
            yield Outcome(work.key, "changed" if any(changed) else "ok")


def what(calls: tuple[Call, ...]) -> str:
    """An effect in a word that is the same for the same content, and another for another."""
    for call in calls:
        if "src" in call.files:
            return text_digest(call.files["src"])
        if call.args.get("state") in ("absent", "reloaded", "restarted"):
            return str(call.args["state"])
    return "set"


def at(packet: Packet, point: str) -> None:
    strike = packet.strike
    if strike is None or strike.point != point:
        return
    if strike.what == "reboot":
        raise Down
    if packet.worker:
        with suppress(ProcessLookupError):
            os.kill(packet.worker, strike.number)


@dataclass
class _Server:
    folder: Path
    fenced: bool
    hosts: dict[str, Host] = field(default_factory=dict)
    heard: list[tuple[str, str]] = field(default_factory=list)
    _ticks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tick(self) -> int:
        with self._lock:
            self._ticks += 1
            return self._ticks

    def host(self, name: str) -> Host:
        with self._lock:
            if name not in self.hosts:
                self.hosts[name] = Host(Machine(f"machine:{name}"), self.fenced, self.tick)
            return self.hosts[name]

    def serve(self, listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(Down, OSError, EOFError):
            while True:
                request = receive(connection)
                if isinstance(request, Packet) and request.strike and request.strike.what == "delay":
                    self.host(request.delivery.host.name).hold_back(request)
                    os.kill(request.worker, signal.SIGKILL)
                    return
                send(connection, self._do(request))

    def _do(self, request: Any) -> Any:
        match request:
            case Packet(delivery=delivery):
                return self.host(delivery.host.name).visit(request)
            case ("log",):
                return [visit for host in self.hosts.values() for visit in host.log]
            case ("machine", name):
                return self.host(name).machine
            case ("hear", notices):
                self.heard += notices
            case ("evidence", names):
                return self._do(("log",)), {name: self.host(name).machine for name in names}, self.heard
            case ("unreadable", name, keys):
                self.host(name).machine.unreadable = set(keys)
        return None


def send(connection: socket.socket, value: Any) -> None:
    data = pickle.dumps(value)
    connection.sendall(struct.pack("!I", len(data)) + data)


def receive(connection: socket.socket) -> Any:
    """Raises EOFError at the end."""
    (length,) = struct.unpack("!I", _exactly(connection, 4))
    return pickle.loads(_exactly(connection, length))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


@dataclass(frozen=True)
class Hosts:
    """The way to them."""

    path: Path

    def ask(self, request: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            send(connection, request)
            return receive(connection)


@contextmanager
def hosts(folder: Path, fenced: bool = True) -> Iterator[Hosts]:
    """All hosts, until the end of the block. A host is there once it is named."""
    path = folder / "hosts"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(64)
    server = os.fork()
    if server == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _Server(folder, fenced).serve(listening)
        finally:
            os._exit(1)
    listening.close()
    try:
        yield Hosts(path)
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
