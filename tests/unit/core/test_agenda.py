"""The agenda: what is to be done now, for every way things can be. The clock is a value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from reconciler.core.assessing.differ import Differing
from reconciler.core.gate.timetable import Timetable
from reconciler.core.serving.agenda import (
    CALM,
    PATIENCE,
    Agenda,
    Apply,
    Observe,
    Plan,
    Poll,
    Recover,
    Situation,
    Tidy,
    agenda,
    attempted,
    fresh,
)
from reconciler.core.serving.backoff import Backoff, spread
from reconciler.model.calendar import Freeze, Reach
from reconciler.model.order import Order, Orders

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def differing(service: str = "edge", **more: Any) -> Differing:
    given = {"project": "", "sync": "auto", "heal": "auto", "pending": 1, "due": "d1", **more}
    return Differing(service, **given)


def situation(*services: Differing, **more: Any) -> Situation:
    given: dict[str, Any] = {"now": NOW, "revision": "r1", "poll_at": NOW + MINUTE, "planned_at": NOW, **more}
    return Situation(differing={d.service: d for d in services}, **given)


def why(found: Agenda, service: str = "edge") -> str:
    return next(waiting.why for waiting in found.waiting if waiting.service == service)


def test_nothing_to_do_says_when_to_look_again():
    assert agenda(situation()) == Agenda((), (), NOW + MINUTE)
    assert agenda(situation(hosts_at=NOW + timedelta(seconds=9))).again == NOW + timedelta(seconds=9)


@pytest.mark.parametrize(
    ("more", "duty"),
    [
        ({"hinted": True}, Poll("a hint")),
        ({"poll_at": NOW}, Poll("it is time")),
        ({"poll_at": NOW, "hosts": ("a",), "stale": True}, Poll("it is time")),
        ({"hosts": ("a", "b")}, Observe(("a", "b"))),
        ({"stale": True}, Plan()),
        ({"stale": True, "hosts": ("a",)}, Observe(("a",))),
        ({"stale": True, "hosts": ("a",), "planned_at": NOW - PATIENCE}, Plan()),
        ({"stale": True, "asking": True, "planned_at": NOW - PATIENCE}, Plan()),
        ({"tidy_at": NOW, "hosts": ("a",)}, Tidy()),
        ({"tidy_at": NOW, "stale": True}, Plan()),
        ({"tidy_at": NOW + MINUTE, "hosts": ("a",)}, Observe(("a",))),
    ],
)
def test_one_duty_at_a_time_the_most_urgent_first(more, duty):
    assert agenda(situation(**more)).duties == (duty,)


def test_an_apply_comes_before_asking_hosts_and_waits_for_what_is_new():
    assert agenda(situation(differing(), hosts=("a",))).duties == (Apply({"edge": frozenset({"pending"})}),)
    assert agenda(situation(differing(), stale=True)).duties == (Plan(),)


def test_while_an_apply_is_under_way_git_is_looked_at_and_others_are_asked():
    busy = situation(differing(), hosts=("a",), stale=True, applying=True, tidy_at=NOW, recover_at=NOW)
    assert agenda(busy).duties == (Observe(("a",)),)
    assert agenda(replace(busy, hinted=True)).duties == (Poll("a hint"),)
    assert agenda(replace(busy, asking=True)) == Agenda((), (), NOW + MINUTE)
    soon = NOW + timedelta(seconds=9)
    assert agenda(replace(busy, hosts=(), hosts_at=soon)) == Agenda((), (), soon)


def test_while_hosts_are_asked_all_else_goes_on():
    asking = situation(differing(), asking=True, hosts_at=NOW)
    assert agenda(replace(asking, poll_at=NOW)).duties == (Poll("it is time"),)
    assert agenda(asking).duties == (Apply({"edge": frozenset({"pending"})}),)
    assert agenda(replace(asking, recover_at=NOW)).duties == (Recover(),)
    nothing = situation(asking=True, hosts_at=NOW, tidy_at=NOW)
    assert agenda(nothing) == Agenda((), (), NOW + MINUTE)
    # What is new is not worked out before they have answered, unless that takes too long.
    assert agenda(replace(nothing, stale=True)) == Agenda((), (), NOW + PATIENCE)


@pytest.mark.parametrize(
    ("modes", "counts", "causes"),
    [
        (("auto", "auto"), (1, 1), {"pending", "drift"}),
        (("auto", "report"), (1, 1), {"pending"}),
        (("manual", "auto"), (1, 1), {"drift"}),
        (("manual", "auto"), (1, 0), set()),
        (("auto", "off"), (0, 1), set()),
        (("manual", "report"), (1, 1), set()),
    ],
)
def test_modes_say_which_causes_may_be_acted_on(modes, counts, causes):
    given = differing(sync=modes[0], heal=modes[1], pending=counts[0], drift=counts[1])
    found = agenda(situation(given))
    assert found.duties == ((Apply({"edge": frozenset(causes)}),) if causes else ())
    assert len(found.waiting) == (0 if causes else 1)


def test_what_waits_for_a_person_says_the_command():
    assert "reconciler apply" in why(agenda(situation(differing(sync="manual"))))
    assert "heal: report" in why(agenda(situation(differing(pending=0, drift=1, heal="report"))))


class TestWaiting:
    def test_for_a_pause(self):
        orders = Orders(pause=Order("pause", "ada", "look", NOW))
        found = agenda(situation(differing(), timetable=Timetable(orders=orders)))
        assert (found.duties, why(found)) == ((), "paused by ada since 2026-11-23 09:00 UTC: look")

    def test_for_a_freeze_until_its_end(self):
        freeze = Freeze("xmas", "holidays", Reach(services=("edge",)), until=NOW + timedelta(seconds=30))
        found = agenda(situation(differing(), differing("other"), timetable=Timetable(freezes=(freeze,))))
        assert found.duties == (Apply({"other": frozenset({"pending"})}),)
        assert "holidays" in why(found)
        alone = agenda(situation(differing(), timetable=Timetable(freezes=(freeze,))))
        assert alone.again == NOW + timedelta(seconds=30)

    def test_for_a_required_service_that_stays_as_it_is_through_all_that_stand_on_it(self):
        top = differing("top", requires=("middle",))
        middle = differing("middle", requires=("base",))
        found = agenda(situation(differing("base", sync="manual"), middle, top))
        assert found.duties == ()
        assert why(found, "top") == "requires middle, which has pending changes that wait"
        together = agenda(situation(differing("base"), middle, top)).duties[0]
        assert isinstance(together, Apply)
        assert together.services == ("base", "middle", "top")

    def test_not_for_drift_of_a_required_service(self):
        base = differing("base", pending=0, drift=1, heal="report")
        assert agenda(situation(base, differing(requires=("base",)))).duties

    def test_for_another_attempt(self):
        attempt = attempted(None, differing(), "r1", NOW, 0.0)
        found = agenda(situation(differing(), attempts={"edge": attempt}))
        assert (found.duties, found.again) == ((), NOW + timedelta(seconds=2))
        later = situation(differing(), attempts={"edge": attempt}, now=NOW + timedelta(seconds=2))
        assert agenda(later).duties


class TestAttempts:
    def test_waits_grow_to_their_limit(self):
        attempt, waits, now = None, [], NOW
        for _ in range(8):
            attempt = attempted(attempt, differing(), "r1", now, 0.0)
            waits.append((attempt.not_before - now).total_seconds())
            now = attempt.not_before
        assert waits == [2, 6, 18, 54, 162, 300, 300, 300]

    def test_a_newer_revision_is_a_new_thing(self):
        attempt = attempted(attempted(None, differing(), "r1", NOW, 0.0), differing(), "r1", NOW, 0.0)
        assert attempt.tries == 2
        assert attempted(attempt, differing(), "r2", NOW, 0.0).tries == 1

    @pytest.mark.parametrize(
        ("ok", "due", "passed", "new"),
        [
            (True, "d1", MINUTE, False),
            (True, "d2", MINUTE, True),
            (True, "d1", CALM + MINUTE, True),
            (False, "d1", CALM + MINUTE, False),
            (False, "d2", MINUTE, False),
        ],
    )
    def test_what_is_a_new_thing(self, ok, due, passed, new):
        attempt = replace(attempted(None, differing(), "r1", NOW, 0.0), ok=ok)
        assert fresh(attempt, "r1", due, NOW + passed) is new


class TestBackoff:
    def test_chance_adds_a_share_and_nothing_overflows(self):
        backoff = Backoff(timedelta(seconds=10), 2.0, timedelta(seconds=60), 0.5)
        assert backoff.after(1, 0.0) == timedelta(seconds=10)
        assert backoff.after(1, 0.5) == timedelta(seconds=12.5)
        assert backoff.after(10_000, 0.0) == timedelta(seconds=60)

    def test_an_interval_is_spread_both_ways(self):
        assert [spread(MINUTE, 0.1, chance).total_seconds() for chance in (0.0, 0.5, 1.0)] == [54, 60, 66]


def test_hundreds_of_days_of_anything_always_end_in_a_duty_or_a_moment():
    """Whatever comes together: the daemon never has nothing to do and no time to look again, and no wait is unsaid."""
    random = Random(1)
    for _ in range(20_000):
        now = NOW + timedelta(minutes=random.randrange(525_600))
        services = [
            differing(
                f"s{n}",
                sync=random.choice(["auto", "manual"]),
                heal=random.choice(["auto", "report", "off"]),
                pending=random.randrange(2),
                drift=random.randrange(2),
                requires=(f"s{random.randrange(3)}",) if random.random() < 0.3 else (),
            )
            for n in range(3)
        ]
        tried = [d for d in services if random.random() < 0.5]
        made = [attempted(None, d, random.choice(["r1", "r2"]), now, random.random()) for d in tried]
        attempts = {attempt.service: replace(attempt, ok=random.random() < 0.5) for attempt in made}
        found = agenda(
            situation(
                *services,
                now=now,
                poll_at=now + timedelta(seconds=random.randrange(-10, 60)),
                stale=random.random() < 0.2,
                applying=random.random() < 0.1,
                hosts=("a",) if random.random() < 0.2 else (),
                attempts=attempts,
            )
        )
        assert found.duties or (found.again is not None and found.again > now)
        settled = situation(*services, now=now, poll_at=now + MINUTE, attempts=attempts)
        said = {waiting.service for waiting in agenda(settled).waiting}
        done = {name for duty in agenda(settled).duties if isinstance(duty, Apply) for name in duty.services}
        assert said | done == {d.service for d in services if d.pending or d.drift}
        assert not said & done
