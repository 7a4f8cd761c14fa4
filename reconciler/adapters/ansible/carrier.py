"""Brings payloads to hosts: picks a way for each, cuts the hosts into shards, keeps as many going as there are cores.

A shard is one run of Ansible. The way makes no difference to what comes back.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import assert_never

from reconciler.adapters.ansible import choice, shard
from reconciler.adapters.ansible.choice import Way
from reconciler.adapters.ansible.directory import private_directory
from reconciler.adapters.ansible.process import AnsibleRun, Ended, Happening, HostDone
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.adapters.ansible.shard import Shard
from reconciler.model.delivery import Delivery, Reply
from reconciler.ports import Hearing, unheard

SHARD = 500
FEW = 25
"""Hosts. A shard that waits for no more than these, perhaps for long, has a core to spare for another."""
MOST = 4
"""Shards that run at the same time on each core, of which all but one wait for a few hosts only."""
PAUSE = 0.1
"""Seconds between two looks at whether to stop, when nothing else happens."""
_SSH_CONFIGS = ("~/.ssh/config", "/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d")


class AnsibleCarrier:
    """A `Carrier` for hosts with an ssh or local connection, with or without sudo."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        """See `ports.Carrier`. Settings that can't work raise Stalled at once. Ansible's own connections say nothing
        before they end: of the standard way one hears nothing early."""
        settings = self._settings.checked()
        return _Carrying(settings, stopping, hearing).replies(deliveries)


def shards(deliveries: Sequence[Delivery], ways: Sequence[Way]) -> Iterator[tuple[Way, list[Delivery]]]:
    """Cut into shards of about the same size, no more than needed, hosts with the same payload together."""
    for way in ("fan-out", "standard"):
        together: dict[int, list[Delivery]] = {}
        for delivery, its_way in zip(deliveries, ways, strict=True):
            if its_way == way:
                together.setdefault(id(delivery.payload), []).append(delivery)
        ordered = list(chain.from_iterable(together.values()))
        count = -(-len(ordered) // SHARD)
        cuts = [len(ordered) * number // count for number in range(count + 1)] if count else []
        yield from ((way, ordered[start:end]) for start, end in pairwise(cuts))


@dataclass(slots=True, eq=False)
class _Running:
    """A shard at work. `failure` is what Ansible said of the one task that carries many hosts."""

    shard: Shard
    run: AnsibleRun
    stack: ExitStack
    failure: str = ""

    def heard(self, happening: Happening) -> Iterator[Reply]:
        """The replies that something that happened brings."""
        match happening:
            case HostDone(shard.CONTROLLER, failure):
                self.failure = failure
            case HostDone(name, failure):
                yield from self.shard.reply(name, failure)
            case Ended(tail):
                yield from self.shard.finished()
                yield from self.shard.rest(self.failure or tail)
            case _:
                assert_never(happening)

    def end(self) -> None:
        self.run.end()
        self.stack.close()


@dataclass(slots=True)
class _Carrying:
    """One call of `carry`: shards that wait, shards that run, and one queue for what happens to them."""

    settings: SshSettings
    stopping: Callable[[], bool]
    hearing: Hearing
    queue: SimpleQueue[tuple[_Running, Happening]] = field(default_factory=SimpleQueue)
    waiting: deque[tuple[Way, list[Delivery]]] = field(default_factory=deque)
    running: list[_Running] = field(default_factory=list)

    def replies(self, deliveries: Sequence[Delivery]) -> Iterator[Reply]:
        configured = choice.says_more(_ssh_config()) if not self.settings.config_file else False
        ways = [choice.way(delivery, self.settings, configured) for delivery in deliveries]
        self.waiting.extend(shards(deliveries, ways))
        self._share(min(len(self.waiting), os.cpu_count() or 1))
        try:
            while self.waiting or self.running:
                yield from self._begin()
                yield from self._hear()
        finally:
            for running in self.running:
                running.end()

    def _share(self, count: int) -> None:
        """Shards that run at the same time share what one may have."""
        if count > 1:
            forks, width = max(1, self.settings.forks // count), max(1, self.settings.width // count)
            self.settings = replace(self.settings, forks=forks, width=width)

    def _begin(self) -> Iterator[Reply]:
        """Start shards while there are free cores."""
        while self.waiting and self._room():
            way, deliveries = self.waiting.popleft()
            if self.stopping():
                yield from (shard.skipped(delivery.host.name) for delivery in deliveries)
            else:
                yield from self._start(way, deliveries)

    def _room(self) -> bool:
        cores = os.cpu_count() or 1
        busy = sum(len(running.shard.waiting) > FEW for running in self.running)
        return busy < cores and len(self.running) < cores * MOST

    def _start(self, way: Way, deliveries: list[Delivery]) -> Iterator[Reply]:
        with ExitStack() as stack:
            begun = Shard(self.settings, stack.enter_context(private_directory()), way, self.hearing)
            yield from shard.prepare(begun, deliveries)
            if not begun.waiting:
                return
            run = AnsibleRun(begun.directory, shard.command(begun))
            running = _Running(begun, run, stack.pop_all())
            self.running.append(running)
            run.start(lambda happening: self.queue.put((running, happening)))

    def _hear(self) -> Iterator[Reply]:
        """Wait for something to happen, for a moment; then look at what fan-outs have finished."""
        if not self.running:
            return
        try:
            running, happening = self.queue.get(timeout=PAUSE)
        except Empty:
            pass
        else:
            yield from running.heard(happening)
            if isinstance(happening, Ended):
                self._done(running)
        if self.stopping():
            for other in self.running:
                other.shard.stop()
        for other in list(self.running):
            yield from other.shard.finished()

    def _done(self, running: _Running) -> None:
        self.running.remove(running)
        if running.shard.again:
            self.waiting.append(("standard", running.shard.again))
        running.end()


def _ssh_config() -> Iterator[str]:
    """The lines of the configuration that ssh would read by itself."""
    for name in _SSH_CONFIGS:
        path = Path(name).expanduser()
        for file in sorted(path.glob("*.conf")) if path.is_dir() else [path]:
            yield from _lines(file)


def _lines(file: Path) -> Iterable[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return ()
