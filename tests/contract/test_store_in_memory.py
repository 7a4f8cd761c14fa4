"""The store in memory says what the real one says, whatever is done to both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.adapters.store import open_store
from reconciler.core.planning.plan_json import sealed
from reconciler.model.approval import Approval
from reconciler.model.attempt import Attempt
from reconciler.model.episode import Episode, FieldDrift, Manner, Thing
from reconciler.model.errors import Stalled, Taken
from reconciler.model.key import Key
from reconciler.model.observation import Fact, InOrder, Observation, Owned, Ownership
from reconciler.model.order import Order
from reconciler.model.plan import Plan, Program, Step, Summary
from reconciler.model.run import HostOutcome, Run, RunOutcome
from reconciler.ports import Store
from tests.fakes.store import LEASE, MemoryStore

NOW = datetime(2026, 11, 23, 10, 2, 11, tzinfo=UTC)
KEYS = [Key("file", f"/etc/{name}") for name in "abc"]
HOSTS = ["h1", "h2", "h3"]


def seen(random: Random) -> Observation:
    facts = {key: Fact("q", {"exists": True}, random.choice("xy")) for key in KEYS if random.random() < 0.5}
    why = random.choice(["", "", "ssh: timed out"])
    at = None if why else NOW
    return Observation(random.choice(HOSTS), at, NOW, "m1", random.choice("12"), facts, unreachable=why)


def owns(random: Random) -> Ownership:
    of = {"service": "base", "created": True, "desired": random.choice("de"), "facts": "f", "revision": "r"}
    keys = [key for key in KEYS if random.random() < 0.4]
    owned = {key: Owned(key, **of, run=1, at=NOW, path="s.yaml") for key in keys}
    return Ownership(random.choice(HOSTS), "hosts.yaml", owned)


def a_plan(random: Random) -> Plan:
    steps = (Step("s1", "edge", (), {"p1": ("h1", "h2")}),)
    programs = {"p1": Program("p1", "s", ())}
    return sealed(Plan(random.choice("rst"), "fp", NOW, 2, 4, steps, programs, (), (), Summary(hosts=2)))


def at_work(store: Store, random: Random, at: datetime, epoch: int) -> Run:
    """A run that has begun, perhaps to take another back, and is about to do something."""
    before = store.runs()
    undoes = random.choice(before).id if before and random.random() < 0.3 else None
    run = store.begin_run(a_plan(random), "ada", at, epoch, undoes)
    store.intend(run, "s1", ["h2", "h1"])
    return run


def followed(random: Random, known: Sequence[Episode], at: datetime) -> list[Episode]:
    """Something that begins, and perhaps something that ends."""
    new = Episode(
        Thing("edge", random.choice(KEYS)), Manner("update", (FieldDrift("mode", "0644", "0600"),)), at, ("h1", "h2")
    )
    ended = [replace(random.choice(known), until=at, ended="host")] if known and random.random() < 0.4 else []
    return [new, *ended]


def done(store: Store, random: Random) -> Any:
    """One thing done to a store; what it answered."""
    at = NOW + timedelta(minutes=random.randrange(100))
    match random.randrange(21):
        case 0 | 1:
            return store.save_observations([seen(random) for _ in range(3)])
        case 2 | 3:
            return store.save_ownership([owns(random) for _ in range(2)])
        case 4:
            return store.note_in_order({random.choice(HOSTS): InOrder(random.choice("ab"), "1", "z")})
        case 5:
            with store.hold("apply") as held:
                return at_work(store, random, at, held.epoch)
        case 6 | 7 if found := store.runs():
            outcome = RunOutcome("s1", "p1", "edge", KEYS[0], "update", "changed", "", ("h1",))
            missed = HostOutcome("s1", "edge", "lost", "why", ("h2",))
            return store.record(random.choice(found), [outcome], [missed], [seen(random)], [owns(random)])
        case 8 if found := store.runs():
            return store.end_run(random.choice(found), "failed", at)
        case 9:
            kind = random.choice(["pause", "freeze", "pin", "override"])
            until = random.choice([None, at + timedelta(minutes=30)])
            return store.give_order(Order(kind, "ada", "why", at, random.choice(["", "edge"]), until, "r"))
        case 10:
            return store.end_order(random.choice(["pause", "freeze", "pin"]), random.choice(["", "edge"]), "bob", at)
        case 11:
            return store.save_attempts([Attempt(random.choice("ab"), "r", "d", 1, at, at, ok=random.random() < 0.5)])
        case 12:
            return store.claim_tick(random.choice("ab"), NOW + timedelta(seconds=random.randrange(3)))
        case 13:
            return store.keep_plan(a_plan(random), at)
        case 14 if plans := store.plans_like(""):
            return store.approve(Approval(random.choice(plans), "ada", "why", at, at + timedelta(hours=1)))
        case 15 if left := store.unfinished():
            with store.hold("apply") as held:
                return store.take_over(random.choice(left), held.epoch).epoch
        case 16 | 17:
            mark, known = store.drifting()
            return store.note_drift(mark, followed(random, known, at))
        case 18:
            return store.take_waiting()
        case _:
            return store.see_delivery(random.choice("ab"), random.choice("12"), NOW, waits=random.random() < 0.5)


def everything(store: Store) -> Any:
    """All that it says."""
    moments = [NOW + timedelta(minutes=minutes) for minutes in (0, 50, 150)]
    some = HOSTS[:2]
    return {
        "heads": dict(store.heads()),
        "seen": {
            h: (o.observed_at, o.fingerprint, o.unreachable, set(o.facts)) for h, o in store.observations().items()
        },
        "ours": {h: (o.path, dict(o.owned)) for h, o in store.ownership().items()},
        "some": (list(store.observations(some)), list(store.ownership(some))),
        "runs": [(run, store.run(run.id), store.runs_of(run.plan), store.plan(run.plan)) for run in store.runs()],
        "left": store.unfinished(),
        "about": [(store.intents(run.id), store.runs_undoing(run.id)) for run in store.runs()],
        "last": {revision: dict(store.last_runs(revision)) for revision in "rst"},
        "plans": [(digest, store.approvals(digest)) for digest in store.plans_like("")],
        "orders": [store.orders(moment) for moment in moments],
        "ordered": store.ordered(),
        "attempts": dict(store.attempts()),
        "drifting": store.drifting()[1],
        "episodes": [list(store.episodes(moment)) for moment in moments],
        "of one": list(store.episodes(NOW, KEYS[0])),
    }


@pytest.mark.parametrize("seed", range(12))
def test_both_say_the_same_whatever_is_done(seed: int, tmp_path: Path) -> None:
    real, memory = open_store(tmp_path / "state.db"), MemoryStore()
    ours, theirs = Random(seed), Random(seed)
    for _ in range(60):
        assert done(memory, ours) == done(real, theirs)
        assert ours.getstate() == theirs.getstate()
    assert everything(memory) == everything(real)
    real.close()


def test_what_one_holds_no_other_gets_until_it_is_dead() -> None:
    one = MemoryStore(process="one")
    other = MemoryStore(one.kept, "other")
    with one.hold("daemon") as first, one.hold("apply"):
        for purpose in ("daemon", "apply"):
            with pytest.raises(Taken), other.hold(purpose):
                raise AssertionError("both hold it")
        one.kept.died("one")
        with other.hold("daemon") as second:
            assert second.epoch > first.epoch
    assert other.kept.leases == {}


def test_a_lease_that_is_not_renewed_is_over_for_its_holder_before_another_gets_it() -> None:
    now = [NOW]
    one = MemoryStore(process="one", clock=lambda: now[0])
    other = MemoryStore(one.kept, "other", lambda: now[0])
    with one.hold("daemon") as held:
        run = one.begin_run(a_plan(Random(1)), "ada", NOW, held.epoch)
        now[0] += LEASE * 0.5
        held.renew()
        now[0] += LEASE * 0.7
        assert (held.fading(), held.over()) == (True, False)
        with pytest.raises(Taken), other.hold("daemon"):
            raise AssertionError("both hold it")
        now[0] += LEASE * 0.4
        assert held.over()
        with other.hold("daemon") as next_one:
            other.take_over(run, next_one.epoch)
            with pytest.raises(Stalled):
                one.intend(run, "s1", ["h1"])
            with pytest.raises(Stalled):
                one.record(run, [], [], [], [])
