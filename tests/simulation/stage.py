"""Threads that take turns: one runs at a time, which one is drawn from the seed, and time passes when all wait.

Knows processes and their threads by name; knows nothing of what they do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random


class Killed(BaseException):
    """What is raised in the threads of a process that is dead. No code of ours may do anything more there."""


class Baton:
    """Given by one thread and awaited by another, one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.give, self.await_ = self._lock.release, self._lock.acquire


@dataclass(eq=False)
class Actor:
    """A thread of a process. It goes on at `wake` at the earliest."""

    process: str
    wake: datetime
    turn: Baton = field(default_factory=Baton)
    over: bool = False
    failure: BaseException | None = None


@dataclass
class Stage:
    """`frozen` are processes that were stopped (SIGSTOP), with when they go on; `dead` those that were killed."""

    random: Random
    now: datetime
    dead: set[str] = field(default_factory=set)
    frozen: dict[str, datetime] = field(default_factory=dict)
    switches: int = 0
    _actors: list[Actor] = field(default_factory=list)
    _back: Baton = field(default_factory=Baton)
    _current: Actor | None = None

    def act(self, process: str, work: Callable[[], None]) -> Actor:
        """A new thread of a process. It begins when its turn comes."""
        actor = Actor(process, self.now)
        self._actors.append(actor)
        threading.Thread(target=self._play, args=(actor, work), name=process, daemon=True).start()
        return actor

    def point(self) -> None:
        """Here others may have their turn first. Raises Killed in a process that is dead."""
        actor = self._here()
        if self._ready(without=actor) and self.random.random() < 0.3:
            self._rest(actor, self.now)

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self._rest(self._here(), self.now + timedelta(seconds=seconds))

    def wake(self, actor: Actor) -> None:
        """There is something to do."""
        actor.wake = min(actor.wake, self.now)

    def run(self, until: datetime) -> None:
        """Lets everybody do what they have to do until then. What nobody caught is raised here."""
        while (first := min(map(self._due, self._living()), default=None)) is not None and first <= until:
            self.now = max(self.now, first)
            self._turn(self.random.choice(self._ready()))
        self.now = until

    def kill(self, process: str) -> None:
        """As kill -9: from here on nothing that it does has any effect, and it has no more than its end to do."""
        self.dead.add(process)
        for actor in [actor for actor in self._living() if actor.process == process]:
            while not actor.over:
                self._turn(actor)

    def end(self) -> None:
        """Everybody is killed."""
        for process in {actor.process for actor in self._living()}:
            self.kill(process)

    def _here(self) -> Actor:
        assert self._current is not None
        if self._current.process in self.dead:
            raise Killed
        return self._current

    def _living(self) -> list[Actor]:
        self._actors = [actor for actor in self._actors if not actor.over]
        return self._actors

    def _ready(self, without: Actor | None = None) -> list[Actor]:
        return [actor for actor in self._living() if actor is not without and self._due(actor) <= self.now]

    def _due(self, actor: Actor) -> datetime:
        return max(actor.wake, self.frozen.get(actor.process, actor.wake))

    def _rest(self, actor: Actor, until: datetime) -> None:
        actor.wake = until
        self._back.give()
        actor.turn.await_()
        self._here()

    def _turn(self, actor: Actor) -> None:
        self.switches += 1
        self._current = actor
        actor.turn.give()
        self._back.await_()
        self._current = None
        if actor.failure is not None:
            raise actor.failure

    def _play(self, actor: Actor, work: Callable[[], None]) -> None:
        actor.turn.await_()
        try:
            self._here()
            work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the turn was given
            actor.failure = error
        finally:
            actor.over = True
            self._back.give()
