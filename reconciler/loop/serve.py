"""The daemon: does what the agenda says through the ports, one duty at a time, and keeps what it was told.

Knows no rule of what is to be done when (`core.agenda`), no thread and no timer: somebody calls `step`. An apply runs
aside, and hosts are asked aside: meanwhile Git is looked at, and a newer revision can take its place at the next safe
point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.core.assessing.differ import Differing, differing
from reconciler.core.gate.timetable import Timetable
from reconciler.core.notifying.notice import Standing
from reconciler.core.serving.agenda import (
    RETRY,
    Agenda,
    Apply,
    Approved,
    Duty,
    Observe,
    Plan,
    Poll,
    Recover,
    Situation,
    Tidy,
    Waiting,
    agenda,
)
from reconciler.core.serving.condition import Condition, Heard, Pace, ages, heard
from reconciler.core.serving.rota import Rota
from reconciler.loop.aside import Aside
from reconciler.loop.asking import Answers, Asking
from reconciler.loop.desire import Read
from reconciler.loop.herald import Herald
from reconciler.loop.lookout import Lookout, other, places
from reconciler.loop.observe import Freshness, lacking
from reconciler.loop.orders import orders
from reconciler.loop.reconcile import Request, halted, never, planned, watch
from reconciler.loop.world import Reading, World
from reconciler.model.errors import ReconcilerError
from reconciler.model.event import PlanMade, Troubled
from reconciler.model.observation import Head
from reconciler.model.order import NO_ORDERS, Orders
from reconciler.ports import Held, Reloaded, Tick

GROUP = 2000
"""Hosts that are asked in one duty: what is more urgent need not wait for all. Not fewer, since each duty waits for its
slowest host, and among so many one always is slow."""
PATIENCE = 3
"""Failures of a step, one after the other, before everything is opened anew."""
AFTERWARDS = timedelta(minutes=1)
"""When hosts that were changed are asked again: what does not last shows soon."""
TIDIED = timedelta(hours=1)
"""How often it is looked whether the store was tidied today."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a daemon works with beside the world: its pace; `chance`, which gives numbers in [0, 1); `aside`, which runs
    a function now or in another thread, and `apart`, which makes what that thread reads Git with; who hears how it is;
    whether it is to end; who tells people what happens, if anybody is to be told."""

    pace: Pace
    chance: Callable[[], float]
    aside: Callable[[Callable[[], None]], None]
    apart: Callable[[], Reading]
    publish: Callable[[Condition], None]
    stopping: Callable[[], bool] = never
    herald: Herald | None = None


@dataclass(slots=True)
class Daemon:
    """Leads under the epoch that is `held`. It looks at Git at `first`, or at once if that is past. `hinted`: somebody
    says that Git has moved."""

    world: World
    means: Means
    held: Held
    rev: str | None = None
    first: datetime | None = None
    hinted: bool = False
    pace: Pace = field(init=False)
    rota: Rota = field(init=False)
    lookout: Lookout = field(init=False)
    aside: Aside = field(init=False)
    asking: Asking = field(init=False)
    _orders: Orders = NO_ORDERS
    _known: Read | None = None
    _hosts: tuple[str, ...] = ()
    _spared: set[str] = field(default_factory=set)
    _stale: bool = False
    _planned_at: datetime = field(init=False)
    _differing: Mapping[str, Differing] = field(default_factory=dict)
    _halted: tuple[str, ...] = ()
    _heard: Heard = field(default_factory=Heard)
    _waiting: tuple[Waiting, ...] = ()
    _failures: int = 0
    _recover_at: datetime | None = None
    _recoveries: int = 0
    _tidy_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        now, chance = self.world.clock.now(), self.means.chance
        self.pace = self.means.pace
        self.rota = Rota(self.pace.observe, chance)
        self.lookout = Lookout(self.world, self.rev, chance, max(self.first or now, now))
        attempts = dict(self.world.store.attempts())
        self.aside = Aside(self.world, self.means.aside, self.means.apart, chance, attempts)
        self.asking = Asking(self.world, self.means.aside, lambda: self.means.stopping() or self.held.fading())
        self._planned_at = self._tidy_at = now

    def step(self, tick: Tick | None = None) -> datetime | None:
        """Does the next thing, if there is one; answers when to come again (None: when something happens).

        Of all that get the same tick, one does it, once; without a tick it goes on with what an earlier one began.
        What a port can't do for now is told and tried again at the next beat. Only what fails again and again is
        raised: then everything is opened anew (a store that was put back, say, is another file).
        """
        try:
            self._take_in()
            todo = agenda(self._situation())
            if tick and todo.duties and not self.world.store.claim_tick(tick.schedule, tick.fire_time):
                return self.world.clock.now() + self.pace.beat
            for duty in todo.duties:
                self._do(duty)
        except ReconcilerError as error:
            self._failures += 1
            # Nobody knows how far it came, so what differs is worked out anew.
            self._stale = True
            self.world.tell(Troubled("the loop", error.message))
            self._publish(self._waiting, error.message)
            if self._failures >= PATIENCE:
                raise
            return self.world.clock.now() + self.pace.beat
        self._failures = 0
        # While something is done, nobody knows yet what will have to wait after it.
        self._waiting = self._waiting if todo.duties else todo.waiting
        self._publish(self._waiting)
        self._notify()
        return self._again(todo)

    def reload(self, new: Reloaded) -> None:
        """Another pace and other limits from now on."""
        self.pace = new.pace
        self.rota.interval = new.pace.observe
        self.lookout.at = min(self.lookout.at, self.world.clock.now() + new.pace.poll)
        world = replace(self.world, limits=new.limits, caution=new.caution)
        self.world = self.aside.world = self.asking.world = self.lookout.world = world

    def set_back(self) -> None:
        """The clock went back: what was to be done at a time is done now, and hosts come anew where they stand."""
        now = self.world.clock.now()
        self.lookout.at = self._planned_at = self._tidy_at = now
        self.rota = Rota(self.pace.observe, self.means.chance)
        self._hosts, self._known, self._recover_at = (), None, None

    def _again(self, todo: Agenda) -> datetime | None:
        """What is under way is looked after at every beat: orders and windows may end it."""
        beat = self.world.clock.now() + self.pace.beat
        return min(todo.again or beat, beat) if self.aside.busy or self.asking.busy else todo.again

    def end(self) -> None:
        """Nothing is begun any more; hosts that are being changed are finished."""
        self.aside.stop("the daemon ends")
        self.asking.end()

    @property
    def ending(self) -> bool:
        """Whether something is under way."""
        return (self.aside.busy and not self.aside.over) or (self.asking.busy and not self.asking.over)

    def _take_in(self) -> None:
        """What happened aside, and what was ordered."""
        now = self.world.clock.now()
        if done := self.aside.take():
            self.rota.soon(done.failed, now)
            self.rota.soon(done.changed - done.failed, now + AFTERWARDS)
            # Those whose turn had come meanwhile, and that it may not have come to.
            self.rota.soon(self._spared, now + AFTERWARDS)
            self._spared.clear()
            self._stale = self._stale or not done.again
            self._recoveries = self._recoveries + 1 if done.again else 0
        if answers := self.asking.take():
            self._answered(answers)
        if not self.aside.busy:
            self._look_after(now, again=done is not None and done.again)
        self._orders = orders(self.world)
        read = self.lookout.read
        if read is not None and self._orders.pins != read.desired.pins:
            self.lookout.take(read.revision.sha, self._orders.pins)
        self._follow()

    def _look_after(self, now: datetime, *, again: bool) -> None:
        """Runs without an end: of a process that died, or of somebody who is at work."""
        if not self.world.store.unfinished():
            self._recover_at = None
        elif again:
            self._recover_at = now + max(self.pace.beat, RETRY.after(self._recoveries, self.means.chance()))
        elif self._recover_at is None:
            self._recover_at = now

    def _follow(self) -> None:
        """What Git asks for by now."""
        if self.lookout.read is None:
            return
        if self.lookout.read is not self._known:
            self._moved()
        self.aside.watch(self.lookout.desired(), self._timetable())

    def _timetable(self) -> Timetable:
        if self.lookout.read is None:
            return Timetable(orders=self._orders)
        desired = self.lookout.desired()
        return Timetable(desired.windows, desired.freezes, self._orders)

    def _situation(self) -> Situation:
        now, read = self.world.clock.now(), self.lookout.read
        self._due(now)
        return Situation(
            now=now,
            revision=read.revision.sha if read else "",
            poll_at=self.lookout.at,
            planned_at=self._planned_at,
            hinted=self.hinted,
            hosts=self._hosts,
            hosts_at=self.rota.next_at,
            stale=self._stale,
            applying=self.aside.busy,
            asking=self.asking.busy,
            recover_at=self._recover_at,
            tidy_at=self._tidy_at,
            approved=self._approved(now),
            differing=self._differing,
            attempts=self.aside.attempts,
            timetable=self._timetable(),
        )

    def _due(self, now: datetime) -> None:
        """Whose turn it is. Hosts of an apply that is under way say what they are like when they are changed."""
        busy = self.aside.hosts
        while not self.asking.busy and (due := self._hosts or tuple(self.rota.due(now, GROUP))):
            self._spared |= busy.intersection(due)
            self._hosts = tuple(host for host in due if host not in busy)
            if self._hosts:
                return

    def _approved(self, now: datetime) -> frozenset[str]:
        """Of the plans that were refused, those that somebody approved since."""
        refused = {a.plan for a in self.aside.attempts.values() if a.plan and not a.ok}
        return frozenset(d for d in refused if any(given.holds(now) for given in self.world.store.approvals(d)))

    def _do(self, duty: Duty) -> None:
        match duty:
            case Poll():
                self.hinted = False
                self.lookout.poll(self.pace.poll, self._orders.pins)
                self._follow()
            case Observe(hosts):
                self._hosts = ()
                self.asking.begin(self.lookout.desired(), hosts)
            case Recover():
                self.aside.recover()
            case Plan():
                self._plan()
            case Tidy():
                self._tidy_at = self.world.clock.now() + TIDIED
                self.world.store.tidy(self.world.clock.now(), self.world.keep)
            case Apply(only):
                assert self.lookout.read is not None
                # Nothing to do for what was to be done: what differs is not what it was.
                self._stale = not self.aside.begin(only, self._differing, self.lookout.read)
            case Approved(plan):
                assert self.lookout.read is not None
                self.aside.approved(plan, self._differing, self.lookout.read)
            case _:
                assert_never(duty)

    def _moved(self) -> None:
        """Git may ask for something else: other hosts, other questions. Done again until all of it went through."""
        before, now = self._known, self.world.clock.now()
        if before is None or other(before.desired, self.lookout.desired()):
            self._stale = True
            desired, heads = self.lookout.desired(), dict(self.world.store.heads())
            self.rota.keep(places(desired, heads), now)
            self.rota.soon(lacking(self.world, desired, heads), now)
        self._known = self.lookout.read

    def _answered(self, answers: Answers) -> None:
        now, asked = self.world.clock.now(), answers.asked
        if answers.failure is not None:
            self.rota.soon(answers.hosts, now + self.pace.beat)
            raise answers.failure
        for host in answers.hosts:
            self.rota.answered(host, now, reached=host not in asked.silent)
        heads = self.world.store.heads()
        if other(answers.desired, self.lookout.desired()):
            # Git has moved meanwhile, so they may not have been asked for all that counts now.
            lack = lacking(self.world, self.lookout.desired(), dict(heads))
            self.rota.soon(lack.intersection(answers.hosts), now)
        self._stale = self._stale or bool(asked.changed)
        self._heard = self._heard_of(heads)

    def _plan(self) -> None:
        assert self.lookout.read is not None
        read, since = self.lookout.read, self.world.clock.now()
        made = planned(self.world, read, Request(freshness=Freshness(None)), noting=True)
        self.world.reading.library.settle()
        watch(self.world, made, {name for name, s in read.desired.services.items() if s.sync == "auto"})
        self._differing = differing(made.plan, read.desired, made.assessment)
        self._stale, self._planned_at = False, self.world.clock.now()
        self._heard = self._heard_of(made.heads)
        self._halted = tuple(sorted(halted(self.world, read.revision.sha)))
        pending, drift = (sum(getattr(d, of) for d in self._differing.values()) for of in ("pending", "drift"))
        self.world.tell(PlanMade(read.revision.sha, (self._planned_at - since).total_seconds(), pending, drift))

    def _heard_of(self, heads: Mapping[str, Head]) -> Heard:
        hosts = self.lookout.desired().hosts
        return heard((head for host, head in heads.items() if host in hosts), len(hosts))

    def _notify(self) -> None:
        """Tells people what they should hear of. While something is new, nobody knows how things are."""
        herald, read = self.means.herald, self.lookout.read
        if herald is None:
            return
        known = None
        if read is not None and not self._stale:
            known = Standing(
                revision=read.revision.sha,
                services=self.lookout.desired().services,
                differing=self._differing,
                halted=frozenset(self._halted),
                attempts=self.aside.attempts,
                applying=frozenset(self.aside.services),
                heard=herald.heard(),
            )
        herald.step(self.world, known, self.held, self._leaving)

    def _leaving(self) -> bool:
        return self.means.stopping() or self.held.fading()

    def _publish(self, waiting: tuple[Waiting, ...], error: str = "") -> None:
        read, look, now = self.lookout.read, self.lookout, self.world.clock.now()
        pending = any(differing.pending for differing in self._differing.values()) or self._stale
        self.means.publish(
            Condition(
                role="leader",
                at=now,
                epoch=self.held.epoch,
                error=error,
                revision=read.revision.sha if read else "",
                polled_at=look.polled_at,
                poll_error=look.error,
                lagging_since=look.moved_at if pending else None,
                problems=sum(p.severity == "error" for p in read.desired.problems) if read else 0,
                pause=self._orders.pause,
                pins=tuple(self._orders.pins.values()),
                queue=self.rota.waiting,
                applying=self.aside.services,
                waiting=waiting,
                differing=tuple(self._differing.values()),
                halted=self._halted,
                ages=ages(self._heard, now),
                pace=self.pace,
            )
        )
