"""A daemon's life: it waits until the lead is free, leads until it is told to end, and lets what it began finish.

Knows messages that come from outside; knows neither threads nor timers, and no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.core.serving.backoff import Backoff, spread
from reconciler.core.serving.condition import Condition
from reconciler.loop.collector import released
from reconciler.loop.leased import LeaseOver
from reconciler.loop.serve import Daemon, Means
from reconciler.loop.world import World
from reconciler.model.errors import ReconcilerError, Taken
from reconciler.model.event import Led, Troubled
from reconciler.ports import Held, Hint, Message, Post, Reloaded, Tick, Woken

PURPOSE = "daemon"
"""What the lease is for that a daemon leads under."""
FOLLOWING, JITTER = timedelta(seconds=1), 0.3
"""How often a standby looks whether the lead is free, and the share by which it does so sooner or later."""
TROUBLED = Backoff(timedelta(seconds=2), 2.0, timedelta(minutes=1), spread=1.0)
"""Between attempts of a daemon that can't go on (no store, say): what failed for many at once is tried at different
times."""
STARTING = timedelta(seconds=30)
"""Within so much (or the interval, if that is less) a daemon that is started again looks at Git first: many that are
started at once come as evenly as many that have run for long."""
ENDING = timedelta(seconds=0.2)


@dataclass(slots=True)
class Life:
    """What a daemon's life takes: the post, a way to open the world anew, and what it works with. `reloaded` are the
    settings that came since it began: they outlive a lead. `troubles` were there since it could last begin. `first` is
    when the process looks at Git at the earliest, `listened` when it last looked for what standbys passed on."""

    post: Post
    open_world: Callable[[], AbstractContextManager[World]]
    means: Means
    rev: str | None = None
    reloaded: Reloaded | None = None
    troubles: int = 0
    first: datetime | None = None
    listened: datetime | None = None


def live(life: Life) -> None:
    """Leads whenever it can, until the post says that it is to end."""
    while not life.post.stopping():
        try:
            _enter(life)
        except ReconcilerError as error:
            life.troubles += 1
            life.means.publish(Condition(error=f"{error.message} ({error.hint})" if error.hint else error.message))
            _idle(life, TROUBLED.after(life.troubles, life.means.chance()))
        # By now nothing holds that world any more, and the next one reads a fleet of its own.
        released()


def _enter(life: Life) -> None:
    """In one world, for as long as it can be relied on."""
    with life.open_world() as world:
        _follow(life, world)


def _follow(life: Life, world: World) -> None:
    """Waits for the lead, and leads."""
    life.first = life.first or _first(life, world)
    while not life.post.stopping():
        with ExitStack() as stack:
            try:
                held = stack.enter_context(world.store.hold(PURPOSE))
            except Taken as taken:
                life.troubles = 0
                life.means.publish(Condition(role="standby", leader=taken.message))
                _idle(life, spread(FOLLOWING, JITTER, life.means.chance()), world)
                continue
            life.troubles = 0
            _lead(life, world, held)


def _first(life: Life, world: World) -> datetime:
    """Whoever has never asked a host begins at once: somebody waits for it to do something."""
    known = bool(world.store.heads())
    return world.clock.now() + min(STARTING, life.means.pace.poll) * (life.means.chance() if known else 0)


def _idle(life: Life, span: timedelta, world: World | None = None) -> None:
    """Of what comes meanwhile settings count, and webhooks, which are left in the store (where it can be reached) for
    whoever leads; he looks at everything else himself."""
    for message in life.post.wait(span.total_seconds()):
        match message:
            case Reloaded():
                life.reloaded = message
            case Hint() if world is not None:
                _seen(world, message, waits=True)
            case _:
                pass


def _lead(life: Life, world: World, held: Held) -> None:
    # One that is farther away is of a clock that was set back since.
    soon = life.first and life.first - world.clock.now() <= STARTING
    daemon = Daemon(world, life.means, held, life.rev, life.first if soon else None)
    if life.reloaded:
        daemon.reload(life.reloaded)
    world.tell(Led(held.epoch))
    try:
        again: datetime | None = world.clock.now()
        while not life.post.stopping():
            if held.over():
                raise LeaseOver
            again = _once(life, daemon, again)
    finally:
        # Whatever ends it: nothing is left to itself that would go on without the lead. (An apply has its own lease.)
        daemon.end()
        while daemon.ending:
            life.post.pause(ENDING.total_seconds())
        daemon.aside.take()
        while life.means.herald and not life.means.herald.rest():
            life.post.pause(ENDING.total_seconds())
        world.tell(Led(0))


def _once(life: Life, daemon: Daemon, again: datetime | None) -> datetime | None:
    """Hears what came, does what is due."""
    clock = daemon.world.clock
    if daemon.held.fading():
        life.post.pause(ENDING.total_seconds())
        return again
    began = clock.now()
    # Never longer than a beat: a clock may go back meanwhile, and the lead may end.
    longest = min(daemon.pace.beat, daemon.pace.listen)
    wait = longest if again is None else min(longest, max(timedelta(0), again - began))
    messages = life.post.wait(wait.total_seconds())
    heard = [tick for message in messages for tick in _heard(life, daemon, message)] or _passed_on(life, daemon)
    if clock.now() < began:
        daemon.set_back()
        again = clock.now()
    if again is not None and clock.now() >= again:
        return daemon.step(Tick("due", again))
    for tick in heard[:1]:
        return daemon.step(tick)
    return again


def _heard(life: Life, daemon: Daemon, message: Message) -> Iterator[Tick]:
    """Takes a message in; a tick, if it wants something done."""
    match message:
        case Tick():
            yield message
        case Hint():
            if _seen(daemon.world, message):
                daemon.hinted = True
                yield Tick(f"hint-{message.source}", message.at)
        case Reloaded():
            life.reloaded = message
            daemon.reload(message)
        case Woken():
            yield Tick("aside", daemon.world.clock.now())
        case _:
            assert_never(message)


def _seen(world: World, hint: Hint, *, waits: bool = False) -> bool:
    """Whether it is a new one. One that is lost does no harm: Git is looked at soon anyway."""
    try:
        return world.store.see_delivery(hint.source, hint.id, hint.at, waits=waits)
    except ReconcilerError as error:
        world.tell(Troubled("a webhook", error.message))
        return False


def _passed_on(life: Life, daemon: Daemon) -> list[Tick]:
    """A tick, if a standby has got a webhook since that was looked for last."""
    now = daemon.world.clock.now()
    if life.listened and timedelta(0) <= now - life.listened < daemon.pace.listen:
        return []
    life.listened = now
    try:
        if not daemon.world.store.take_waiting():
            return []
    except ReconcilerError as error:
        daemon.world.tell(Troubled("a webhook", error.message))
        return []
    daemon.hinted = True
    return [Tick("hint-passed-on", now)]
