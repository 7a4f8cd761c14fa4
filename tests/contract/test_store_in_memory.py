"""The store in memory says what the real one says, whatever is done to both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.adapters.store import open_store
from reconciler.core.plan_json import sealed
from reconciler.model.attempt import Attempt
from reconciler.model.errors import ReconcilerError
from reconciler.model.key import Key
from reconciler.model.observation import Fact, InOrder, Observation, Owned, Ownership
from reconciler.model.order import Order
from reconciler.model.plan import Plan, Program, Step, Summary
from reconciler.model.run import HostOutcome, RunOutcome
from reconciler.ports import Store
from tests.fakes.store import MemoryStore

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


def done(store: Store, random: Random) -> Any:
    """One thing done to a store; what it answered."""
    at = NOW + timedelta(minutes=random.randrange(100))
    match random.randrange(14):
        case 0 | 1:
            return store.save_observations([seen(random) for _ in range(3)])
        case 2 | 3:
            return store.save_ownership([owns(random) for _ in range(2)])
        case 4:
            return store.note_in_order({random.choice(HOSTS): InOrder(random.choice("ab"), "1", "z")})
        case 5:
            return store.begin_run(a_plan(random), "ada", at)
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
        case _:
            return store.see_delivery(random.choice("ab"), random.choice("12"), NOW)


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
        "orders": [store.orders(moment) for moment in moments],
        "ordered": store.ordered(),
        "attempts": dict(store.attempts()),
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
    lead, work = one.lead("node-a"), one.exclusive("apply")
    assert lead.__enter__() == 1
    work.__enter__()
    for held in (other.lead("node-b"), other.exclusive("apply")):
        with pytest.raises(ReconcilerError), held:
            raise AssertionError("both hold it")
    one.kept.died("one")
    with other.lead("node-b") as epoch, other.exclusive("apply"):
        assert epoch == 2
        lead.__exit__(None, None, None)
        assert other.kept.held == {"lead": "other", "work": "other"}
