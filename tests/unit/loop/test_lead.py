"""A daemon's life: it waits for the lead, keeps what it was told while it waits, and tries less often what fails."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from reconciler.core.gate import Limits
from reconciler.core.planning.batch import Caution
from reconciler.core.serving.condition import Condition, Pace
from reconciler.loop.collector import settled
from reconciler.loop.lead import Life, live
from reconciler.loop.serve import Means
from reconciler.loop.world import World
from reconciler.model.errors import Retry
from reconciler.model.event import Led, Polled, Troubled
from reconciler.ports import Hint, Message, Reloaded
from tests.fakes.daemon import FakeBrake, Lead, contents, state
from tests.fakes.fleet import Fleet, fleet

HOUR = timedelta(hours=1)
BEAT = Pace().beat


@dataclass
class Letters:
    """A post that gives out what it was given, one batch for each wait, and ends after the last."""

    fleet: Fleet
    batches: list[list[Message]]
    waits: list[float] = field(default_factory=list)

    def stopping(self) -> bool:
        return not self.batches

    def wait(self, seconds: float) -> Sequence[Message]:
        self.waits.append(seconds)
        self.fleet.clock.time += timedelta(seconds=seconds)
        return self.batches.pop(0)

    def pause(self, seconds: float) -> None:
        raise AssertionError("an apply is over when it comes back here")


def lived(
    world: Fleet,
    batches: list[list[Message]],
    failures: int = 0,
    listen: timedelta = BEAT,
    opening: Callable[[], None] = lambda: None,
) -> tuple[Letters, list[Condition]]:
    post, said, left = Letters(world, batches), list[Condition](), [failures]

    @contextmanager
    def opened() -> Iterator[World]:
        opening()
        if left[0]:
            left[0] -= 1
            raise Retry("the disk is full", "make room")
        yield replace(world.world, brake=FakeBrake())

    reading = world.world.reading
    means = Means(Pace(listen=listen), lambda: 0.0, lambda work: work(), lambda: reading, said.append, post.stopping)
    live(Life(post, opened, means))
    return post, said


def test_a_standby_says_who_leads_and_keeps_the_settings_that_come():
    with fleet(state()) as world:
        pace = Pace(poll=HOUR, observe=HOUR)
        with world.store.hold("daemon"):
            _, said = lived(world, [[Reloaded(pace, Limits(), Caution())], []])
        assert [condition.role for condition in said] == ["standby", "standby"]
        assert "another daemon is running" in said[0].leader
        lease = world.store.hold("daemon")
        lease.__enter__()

        class Freed(list[list[Message]]):
            def pop(self, index: int = -1) -> list[Message]:
                if len(self) == 6:
                    lease.__exit__(None, None, None)
                return super().pop(index)

        _, said = lived(world, Freed([[Reloaded(pace, Limits(), Caution())], *([[]] * 5)]))
        assert said[-1].role == "leader"
        assert said[-1].pace == pace


def test_what_can_not_be_opened_is_said_and_tried_less_and_less_often():
    with fleet(state()) as world:
        post, said = lived(world, [[] for _ in range(16)], failures=7)
        assert said[0].error == "the disk is full (make room)"
        assert post.waits[:7] == [2, 4, 8, 16, 32, 60, 60]
        assert contents(world) == {"one\n"}


def test_a_fleet_that_was_there_to_stay_goes_with_its_world():
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    read: list[weakref.ref[Ring]] = []

    def opening() -> None:
        assert not any(ref() for ref in read)
        read.append(weakref.ref(Ring()))
        settled()
        assert read[-1]() is not None

    with fleet(state()) as world:
        lived(world, [[] for _ in range(8)], failures=4, opening=opening)
    assert len(read) == 5
    assert read[-1]() is None


def test_the_same_hint_counts_once_and_the_end_is_told():
    with fleet(state()) as world:
        hint = Hint("github", "d-1", world.clock.now())
        lived(world, [*([[]] * 6), [hint, hint], [], [hint], []])
        polls = [event for event in world.ears.heard if isinstance(event, Polled)]
        assert len(polls) == 2
        led = [event.epoch for event in world.ears.heard if isinstance(event, Led)]
        assert (len(led), led[0] > 0, led[1]) == (2, True, 0)


def test_a_standby_leaves_a_webhook_in_the_store_for_whoever_leads():
    with fleet(state()) as world, world.store.hold("daemon"):
        hint = Hint("github", "d-1", world.clock.now())
        lived(world, [[hint, hint], [hint], []])
        assert [world.store.take_waiting() for _ in range(2)] == [True, False]
        assert not any(isinstance(event, Polled) for event in world.ears.heard)


def test_whoever_leads_looks_at_git_soon_after_a_standby_got_a_webhook():
    with fleet(state()) as world:

        class Others(list[list[Message]]):
            def pop(self, index: int = -1) -> list[Message]:
                if len(self) == 5:
                    assert world.store.see_delivery("github", "d-1", world.clock.now(), waits=True)
                return super().pop(index)

        post, _ = lived(world, Others([[]] * 15), listen=Pace().listen)
        polls = [event for event in world.ears.heard if isinstance(event, Polled)]
        assert len(polls) == 2, "at its start, and then"
        assert max(post.waits) == Pace().listen.total_seconds() < BEAT.total_seconds()
        assert not world.store.take_waiting()


def test_a_store_that_can_not_be_asked_for_webhooks_ends_nothing(monkeypatch):
    with fleet(state()) as world:

        def broken() -> bool:
            raise Retry("the disk is full", "make room")

        monkeypatch.setattr(world.store, "take_waiting", broken)
        _, said = lived(world, [[] for _ in range(12)])
        assert said[-1].role == "leader"
        assert contents(world) == {"one\n"}
        assert any(isinstance(event, Troubled) and event.what == "a webhook" for event in world.ears.heard)


def test_a_lead_that_is_over_ends_and_is_asked_for_anew():
    """What another leads by then is not done; when nobody else does, it leads again, under another epoch."""
    with fleet(state()) as world:
        hold = world.store.hold
        leads: list[Lead] = []

        @contextmanager
        def held(purpose: str) -> Iterator[Lead]:
            if purpose != "daemon":
                with hold(purpose) as other:
                    yield other
                return
            leads.append(Lead(len(leads) + 1))
            yield leads[-1]

        world.store.hold = held

        class Over(list[list[Message]]):
            def pop(self, index: int = -1) -> list[Message]:
                if len(self) == 30:
                    leads[0].ends = True
                return super().pop(index)

        _, said = lived(world, Over([[] for _ in range(40)]))
        assert [event.epoch for event in world.ears.heard if isinstance(event, Led)] == [1, 0, 2, 0]
        assert any("could not be reached for too long" in condition.error for condition in said)
