"""What is worth telling: once, when it is new, and never because of what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from reconciler.core.assessing.differ import Differing
from reconciler.core.notifying.notice import AGAIN, Decision, Standing, decide
from reconciler.model.attempt import Attempt
from reconciler.model.desired import Service
from reconciler.model.key import Place
from reconciler.model.notice import Notice, Told, Topic

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SERVICES = {
    name: Service(name, Place("s.yaml", 1, 1), project, owner)
    for name, project, owner in (
        ("edge", "web", "team-web"),
        ("shop", "web", "team-web"),
        ("base", "", "infra"),
    )
}


def differs(name: str = "edge", **more: Any) -> Differing:
    return Differing(name, SERVICES[name].project if name in SERVICES else "", "auto", "report", **more)


def attempt(name: str = "edge", **more: Any) -> Attempt:
    of = {"revision": "r1", "due": "d", "tries": 1, "at": NOW, "not_before": NOW, "ok": False, **more}
    return Attempt(name, **of)


def standing(*differing: Differing, attempts: tuple[Attempt, ...] = (), **more: Any) -> Standing:
    of = {"revision": "r1", "services": SERVICES, **more}
    return Standing(
        differing={each.service: each for each in differing}, attempts={a.service: a for a in attempts}, **of
    )


class Memory:
    """What a store would keep."""

    def __init__(self) -> None:
        self.told: dict[Topic, Told] = {}
        self.ids: list[str] = []

    def see(self, now: Standing, at: datetime = NOW) -> list[Notice]:
        made = decide(now, self.told, at, "store")
        self.told |= {told.topic: told for told in made.told}
        self.ids += [notice.id for notice in made.notices]
        return list(made.notices)


REFUSED = attempt(why="refused: too many deletes; approve it: reconciler approve 5c1f --reason WHY", plan="5c1f")
FAILED = attempt(why="failed in run 3")
DRIFTS, PENDING = differs(drift=3), differs(pending=2)


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        (standing(), []),
        (standing(PENDING), []),
        (standing(DRIFTS), ["drift-found"]),
        (standing(differs(unknown=4)), []),
        (standing(PENDING, halted=frozenset({"edge"})), ["rollout-stopped"]),
        (standing(PENDING, halted=frozenset({"edge"}), attempts=(FAILED,)), ["rollout-stopped"]),
        (standing(PENDING, halted=frozenset({"edge"}), attempts=(REFUSED,)), ["rollout-stopped"]),
        (standing(PENDING, attempts=(FAILED,)), ["run-failed"]),
        (standing(PENDING, attempts=(attempt(why="failed: Ansible is missing"),)), ["run-failed"]),
        (standing(PENDING, attempts=(REFUSED,)), ["approval-needed", "gate-refused"]),
        (standing(PENDING, attempts=(attempt(why="refused: nothing can be read"),)), ["gate-refused"]),
        # What came first is no failure, nor what was tried at another revision, is done, or is not known yet.
        (standing(PENDING, attempts=(attempt(why="paused by ada: look"),)), []),
        (standing(PENDING, attempts=(attempt(why="it did not come to its end"),)), []),
        (standing(PENDING, attempts=(replace(FAILED, revision="r0"),)), []),
        (standing(PENDING, attempts=(replace(FAILED, ok=True),)), []),
        (standing(attempts=(FAILED,)), []),
        (standing(PENDING, attempts=(FAILED,), applying=frozenset({"edge"})), []),
    ],
)
def test_what_is_worth_telling(now: Standing, kinds: list[str]) -> None:
    assert [notice.kind for notice in Memory().see(now)] == kinds


def test_a_notice_says_whose_it_is_and_why() -> None:
    asked, refused = Memory().see(standing(PENDING, attempts=(REFUSED,)))
    assert (asked.project, asked.owner, asked.services) == ("web", "team-web", ("edge",))
    assert (asked.revision, asked.plan, asked.reasons) == ("r1", "5c1f", ("too many deletes",))
    assert refused.reasons == ("too many deletes",)


def test_what_no_json_can_hold_is_escaped() -> None:
    [notice] = Memory().see(standing(PENDING, halted=frozenset({"edge"}), heard={"edge": "a\ud800\n\x00b"}))
    assert notice.reasons == ("a\\ud800\\n\\x00b",)


def test_the_same_is_told_once_and_its_end_once() -> None:
    memory = Memory()
    assert [n.kind for n in memory.see(standing(DRIFTS))] == ["drift-found"]
    assert memory.see(standing(differs(drift=7)), NOW + 9 * AGAIN) == []
    [healed] = memory.see(standing(heard={"edge": "by run 3 of the daemon"}), NOW + 10 * AGAIN)
    assert (healed.kind, healed.reasons) == ("healed", ("by run 3 of the daemon",))
    assert memory.see(standing(), NOW + 11 * AGAIN) == []
    assert [n.kind for n in memory.see(standing(DRIFTS), NOW + 12 * AGAIN)] == ["drift-found"]
    assert len(set(memory.ids)) == 3


def test_what_goes_to_and_fro_is_told_less_often_than_it_happens() -> None:
    memory, told = Memory(), 0
    for minute in range(120):
        told += len(memory.see(standing(*([DRIFTS] if minute % 2 else [])), NOW + minute * MINUTE))
    assert told <= 2 * (120 // 15 + 1)
    assert len(set(memory.ids)) == len(memory.ids)


def test_drift_of_which_nothing_is_known_any_more_is_not_healed() -> None:
    memory = Memory()
    memory.see(standing(DRIFTS))
    assert memory.see(standing(differs(unknown=3)), NOW + MINUTE) == []
    assert memory.see(standing(DRIFTS), NOW + 9 * AGAIN) == []
    assert [n.kind for n in memory.see(standing(), NOW + 9 * AGAIN)] == ["healed"]


def test_a_service_that_left_git_is_not_healed() -> None:
    memory = Memory()
    memory.see(standing(DRIFTS))
    assert memory.see(standing(services={}), NOW + MINUTE) == []
    assert not memory.told["drift-found", "edge"].open


def test_an_apply_that_is_under_way_ends_nothing() -> None:
    memory = Memory()
    memory.see(standing(PENDING, attempts=(FAILED,)))
    assert memory.see(standing(PENDING, attempts=(FAILED,), applying=frozenset({"edge"})), NOW + MINUTE) == []
    assert memory.see(standing(PENDING, attempts=(replace(FAILED, tries=2),)), NOW + 9 * AGAIN) == []


def test_another_revision_is_another_thing_at_once_another_plan_a_little_later() -> None:
    memory = Memory()
    memory.see(standing(PENDING, attempts=(FAILED,)))
    newer = standing(PENDING, revision="r2", attempts=(replace(FAILED, revision="r2"),))
    assert [n.kind for n in memory.see(newer, NOW + MINUTE)] == ["run-failed"]
    memory = Memory()
    memory.see(standing(PENDING, attempts=(REFUSED,)))
    other = standing(PENDING, attempts=(replace(REFUSED, plan="6d20"),))
    assert memory.see(other, NOW + MINUTE) == []
    assert [n.plan for n in memory.see(other, NOW + AGAIN)] == ["6d20", "6d20"]


def test_what_hits_many_services_is_told_once_for_each_owner() -> None:
    notices = Memory().see(standing(*(differs(name, drift=2) for name in SERVICES)))
    assert [(n.owner, n.services, n.resources) for n in notices] == [
        ("infra", ("base",), 2),
        ("team-web", ("edge", "shop"), 4),
    ]


def test_two_that_know_the_same_make_the_same_notice_and_two_stores_do_not() -> None:
    now = standing(DRIFTS)
    first, second = (decide(now, {}, NOW + n * MINUTE, "store").notices[0] for n in range(2))
    assert first.id == second.id
    assert decide(now, {}, NOW, "other").notices[0].id != first.id


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    memory = Memory()
    memory.see(standing(DRIFTS))
    memory.see(standing(), NOW + MINUTE)
    assert [n.kind for n in memory.see(standing(DRIFTS), NOW - timedelta(days=30))] == ["drift-found"]


@given(some.lists(some.tuples(some.sampled_from([0, 3]), some.sampled_from([0, 2]), some.integers(0, 40)), max_size=30))
def test_whatever_happens_no_id_comes_twice_and_in_the_end_what_is_so_was_told(
    steps: list[tuple[int, int, int]],
) -> None:
    memory, at = Memory(), NOW
    for drift, unknown, minutes in steps:
        at += minutes * MINUTE
        memory.see(standing(differs(drift=drift, unknown=unknown)), at)
        assert memory.see(standing(differs(drift=drift, unknown=unknown)), at) == []
    memory.see(standing(DRIFTS), at + AGAIN)
    assert memory.told["drift-found", "edge"].open
    assert len(set(memory.ids)) == len(memory.ids)


def test_nothing_new_is_nothing_to_remember() -> None:
    memory = Memory()
    memory.see(standing(DRIFTS))
    assert decide(standing(DRIFTS), memory.told, NOW + 9 * AGAIN, "store") == Decision()
