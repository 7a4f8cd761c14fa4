"""What every store promises about plans that are kept, approvals of them, and runs that take something back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.adapters.store import SqlStore
from reconciler.core.planning.plan_json import plan_bytes
from reconciler.model.approval import Approval
from tests.integration.store.store_helpers import NOW, planned
from tests.stores import BACKENDS, Place, place


@pytest.fixture(params=BACKENDS)
def opened(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Opens the same store again each time that it is called, as another process would."""
    with place(request.param) as here:
        yield here


@pytest.fixture
def store(opened: Place) -> SqlStore:
    return opened()


def word(digest: str, reason: str = "CHG-1") -> Approval:
    return Approval(digest, "ada@cli", reason, NOW, NOW + timedelta(hours=24))


def test_a_plan_can_be_kept_without_a_run_and_found_by_its_beginning(opened):
    plan = planned()
    opened().keep_plan(plan, NOW)
    opened().keep_plan(plan, NOW)
    store = opened()
    assert store.plan(plan.digest) == plan_bytes(plan)
    assert store.plans_like(plan.digest[:6]) == [plan.digest]
    assert store.plans_like("%") == []
    assert (store.runs(), store.runs_of(plan.digest)) == ([], [])


def test_several_plans_may_begin_alike(store):
    digests = [planned(f"r{n}").digest for n in range(3)]
    for n in range(3):
        store.keep_plan(planned(f"r{n}"), NOW)
    assert store.plans_like("") == sorted(digests)


def test_approvals_come_back_in_order_and_only_those_of_the_plan(opened):
    plan, other = planned(), planned("other")
    store = opened()
    store.keep_plan(plan, NOW)
    store.keep_plan(other, NOW)
    first, second = word(plan.digest), word(plan.digest, "CHG-2")
    for given in (first, word(other.digest), second):
        store.approve(given)
    assert opened().approvals(plan.digest) == [first, second]
    assert opened().approvals("nothing") == []


def test_a_plan_that_is_not_kept_can_not_be_approved(store):
    with pytest.raises(ValueError, match="is not in this store"):
        store.approve(word("unknown"))


def test_a_plan_that_is_not_sealed_is_not_kept(store):
    with pytest.raises(ValueError, match="not sealed"):
        store.keep_plan(replace(planned(), digest="made up"), NOW)


def test_a_run_may_take_a_part_of_another_back(opened):
    store = opened()
    with store.hold("apply") as held:
        first = store.begin_run(planned(), "ada", NOW, held.epoch)
        back = store.begin_run(planned("back"), "ada", NOW, held.epoch, first.id)
    assert (first.undoes, back.undoes) == (None, first.id)
    assert [run.id for run in opened().runs_undoing(first.id)] == [back.id]
    assert opened().runs_undoing(back.id) == []
    again = opened().run(back.id)
    assert again is not None
    assert again.undoes == first.id


class TestForgetting:
    """After a while; plans that somebody may still need stay."""

    LATER = NOW + timedelta(days=90)

    def test_a_plan_that_is_kept_stays_as_long_as_runs_do(self, store):
        store.keep_plan(planned(), NOW)
        self.old_run(store)
        assert store.forget(NOW) == 1
        assert store.plan(planned().digest) is not None
        self.old_run(store)
        store.keep_plan(planned(), self.LATER)
        assert store.forget(self.LATER) == 1
        assert store.plan(planned().digest) is not None, "it was shown again"
        self.old_run(store)
        assert store.forget(self.LATER + timedelta(days=1)) == 1
        assert (store.plan(planned().digest), store.problems()) == (None, [])

    def test_an_approved_plan_stays_while_its_approval_does(self, store):
        store.keep_plan(planned(), NOW)
        store.approve(replace(word(planned().digest), until=self.LATER))
        self.old_run(store)
        assert store.forget(NOW + timedelta(days=89)) == 1
        assert [given.until for given in store.approvals(planned().digest)] == [self.LATER]
        self.old_run(store)
        assert store.forget(self.LATER + timedelta(days=1)) == 1
        assert (store.approvals(planned().digest), store.plan(planned().digest), store.problems()) == ([], None, [])

    def old_run(self, store):
        """What makes that there is something to forget."""
        with store.hold("apply") as held:
            at = NOW - timedelta(days=1)
            store.end_run(store.begin_run(planned("old"), "ada", at, held.epoch), "succeeded", at)
