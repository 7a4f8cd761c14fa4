"""What every store promises, whichever database is behind it: one suite, run for each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.adapters.store import SqlStore
from reconciler.core.planning.plan_json import plan_bytes, sealed
from reconciler.model.errors import Retry, Stalled
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation, Owned, Ownership
from reconciler.model.plan import Plan, Program, Step, Summary
from reconciler.model.run import HostOutcome, Intent, Run, RunOutcome

NOW = datetime(2026, 11, 23, 10, 2, 11, 123456, tzinfo=UTC)
MOTD = Key("file", "/etc/motd")
NGINX = Key("package", "nginx")


def seen(host: str = "a", **more: Any) -> Observation:
    facts = {MOTD: Fact("q1", {"exists": True, "mode": "0644"}, "f1"), NGINX: Fact("q2", {"error": "no apt"}, "f2")}
    values = {"observed_at": NOW, "asked_at": NOW, "identity": "m1", "fingerprint": "fp", "facts": facts, **more}
    return Observation(host=host, **values)


def owns(host: str = "a", *keys: Key, **more: Any) -> Ownership:
    values = {"service": "base", "created": True, "desired": "d", "facts": "f", "revision": "r", "run": 1,
              "at": NOW, "path": "services/base.yaml", **more}  # fmt: skip
    return Ownership(host, f"hosts/{host}.yaml", {key: Owned(key, **values) for key in keys})


def planned(revision: str = "1a2b3c4") -> Plan:
    steps = (Step("s1", "edge", (), {"p1": ("a", "b")}),)
    return sealed(Plan(revision, "fp", NOW, 2, 4, steps, {"p1": Program("p1", "s", ())}, (), (), Summary(hosts=2)))


@pytest.fixture
def begin() -> Iterator[Callable[..., Run]]:
    """Begins a run under a lease that is held until the end of the test."""
    with ExitStack() as stack:
        epochs: dict[int, int] = {}

        def begun(store: SqlStore, plan: Plan | None = None, actor: str = "ada", undoes: int | None = None) -> Run:
            if id(store) not in epochs:
                epochs[id(store)] = stack.enter_context(store.hold(f"apply-{len(epochs)}")).epoch
            return store.begin_run(plan or planned(), actor, NOW, epochs[id(store)], undoes)

        yield begun


def plain(seen: Observation) -> tuple[Any, ...]:
    facts = {k: (f.query, f.facts, f.facts_digest) for k, f in seen.facts.items()}
    return (seen.host, seen.observed_at, seen.asked_at, seen.identity, seen.fingerprint, facts, dict(seen.since),
            seen.unreachable)  # fmt: skip


class TestObservations:
    @pytest.mark.parametrize(
        "observation",
        [
            seen(),
            seen(facts={}, fingerprint="", observed_at=None, unreachable="ssh: timed out"),
            seen(since={MOTD: NOW - timedelta(hours=7), NGINX: NOW}),
            seen(facts={MOTD: Fact("q", {"text": "é\x00\x1b[2J€😀" * 500, "deep": [{"a": [None, True, -1]}]}, "f")}),
            seen(facts={Key("file", "/a\nb"): Fact("q", {}, "f")}),
        ],
    )
    def test_come_back_exactly_after_opening_again(self, opened, observation):
        opened().save_observations([observation])
        assert {host: plain(o) for host, o in opened().observations().items()} == {"a": plain(observation)}

    def test_replace_those_of_the_same_host_and_leave_others(self, store):
        store.save_observations([seen("a"), seen("b")])
        store.save_observations([seen("a", unreachable="gone", asked_at=NOW + timedelta(minutes=1))])
        found = store.observations()
        assert (found["a"].unreachable, found["b"].unreachable) == ("gone", "")
        assert found["a"].asked_at == NOW + timedelta(minutes=1)

    def test_the_last_of_several_for_one_host_counts(self, store):
        store.save_observations(seen("a", identity=str(n)) for n in range(3))
        assert store.observations()["a"].identity == "2"

    def test_equal_ones_are_shared_when_loaded(self, store):
        store.save_observations([seen(f"h{n}") for n in range(5)] + [seen("x", facts={MOTD: seen().facts[MOTD]})])
        found = store.observations()
        assert len({id(found[f"h{n}"].facts) for n in range(5)}) == 1
        assert found["x"].facts[MOTD] is found["h0"].facts[MOTD]

    def test_a_host_can_not_speak_for_others_by_claiming_their_digest(self, store):
        store.save_observations([seen("honest")])
        store.save_observations([seen("liar", facts={MOTD: Fact("q1", {"exists": False}, "f1")})])
        found = store.observations()
        assert found["honest"].facts[MOTD].facts["exists"] is True
        assert found["liar"].facts[MOTD].facts["exists"] is False

    def test_text_that_no_database_takes_is_marked(self, store):
        store.save_observations([seen(unreachable="ssh: \x00 and \ud800!")])
        assert store.observations()["a"].unreachable == "ssh: � and �!"

    def test_times_are_utc_and_a_naive_one_is_refused(self, store):
        store.save_observations([seen(asked_at=NOW.astimezone(timezone(timedelta(hours=-8))))])
        assert store.observations()["a"].asked_at.isoformat() == "2026-11-23T10:02:11.123456+00:00"
        for naive in [{"asked_at": datetime(2026, 1, 1)}, {"since": {MOTD: datetime(2026, 1, 1)}}]:
            with pytest.raises(ValueError, match="no time zone"):
                store.save_observations([seen("b"), seen("c", **naive)])
        assert list(store.observations()) == ["a"]

    def test_an_answer_that_comes_late_does_not_take_the_place_of_a_newer_one(self, store):
        store.save_observations([seen("a"), seen("b")])
        known = store.observations(["a", "b", "c"])
        # Meanwhile somebody else finds one changed, and another for the first time.
        newer = NOW + timedelta(seconds=1)
        store.save_observations([seen("a", fingerprint="new", asked_at=newer), seen("c", asked_at=newer)])
        # However late the other clock is: what counts is that it was asked before that was known.
        late = [seen(host, fingerprint="old", asked_at=NOW + timedelta(hours=1)) for host in "abcd"]
        store.save_observations(late, known)
        found = {host: o.fingerprint for host, o in store.observations().items()}
        assert found == {"a": "new", "b": "old", "c": seen().fingerprint, "d": "old"}
        store.save_observations(late, store.observations())
        assert {o.fingerprint for o in store.observations().values()} == {"old"}

    def test_nothing_is_no_work(self, store):
        store.save_observations([])
        assert store.observations() == {}


class TestOwnership:
    def test_comes_back_exactly_after_opening_again(self, opened):
        more = {
            "spec": {"mode": "0644", "list": [1]},
            "state": {"content": "sha256:1"},
            "needs": ("base", "net"),
            "requires": (NGINX,),
            "protect": True,
            "prune": "never",
            "created": False,
        }
        opened().save_ownership([owns("a", MOTD, NGINX), owns("b", MOTD, **more)])
        found = opened().ownership()
        assert (found["a"].path, found["a"].owned) == ("hosts/a.yaml", owns("a", MOTD, NGINX).owned)
        assert found["b"].owned == owns("b", MOTD, **more).owned

    def test_replaces_all_of_the_host_and_forgets_one_that_owns_nothing(self, store):
        store.save_ownership([owns("a", MOTD, NGINX), owns("b", MOTD)])
        store.save_ownership([owns("a", NGINX), owns("b"), owns("never")])
        assert {host: list(o.owned) for host, o in store.ownership().items()} == {"a": [NGINX]}

    def test_equal_ones_are_one_object_when_loaded(self, store):
        store.save_ownership([owns("a", MOTD), owns("b", MOTD, NGINX), owns("c", MOTD)])
        found = store.ownership()
        assert found["a"].owned[MOTD] is found["b"].owned[MOTD]
        assert found["a"].owned is found["c"].owned


class TestRuns:
    def test_a_run_counts_up_and_stores_its_plan(self, opened, begin):
        plan, other = planned(), planned("2")
        store = opened()
        first = begin(store, plan)
        second = begin(store, plan, "bob")
        third = begin(opened(), other)
        assert first.id < second.id < third.id
        assert (first.plan, first.revision, first.actor, first.status) == (plan.digest, "1a2b3c4", "ada", "running")
        assert opened().plan(plan.digest) == plan_bytes(plan)
        assert store.plan("unknown") is None
        assert store.runs() == [third, second, first]
        assert store.runs(limit=1) == [third]
        assert store.runs_of(plan.digest) == [second, first]

    def test_a_plan_that_is_not_sealed_is_refused_and_no_run_begins(self, store, begin):
        with pytest.raises(ValueError, match="not sealed"):
            begin(store, replace(planned(), digest="x"))
        assert store.runs() == []

    def test_outcomes_come_back_in_order_with_their_hosts(self, opened, begin):
        store = opened()
        run = begin(store)
        many = tuple(f"host-{n:05}" for n in range(3000))
        first = RunOutcome("s1", "p1", "edge", NGINX, "update", "changed", "", many)
        second = RunOutcome("s1", "p1", "edge", MOTD, "create", "failed", "no space\x00", ("b",))
        missed = HostOutcome("s1", "edge", "unreachable", "ssh: timed out", many)
        store.record(run, [first], [missed], [], [])
        store.record(run, [second], [], [], [])
        found = opened().run(run.id)
        assert found.outcomes == (first, replace(second, message="no space�"))
        assert found.host_outcomes == (missed,)
        assert store.runs()[0].outcomes == ()

    def test_a_record_keeps_everything_of_its_call(self, opened, begin):
        store = opened()
        run = begin(store)
        store.record(run, [], [], [seen("a")], [owns("a", MOTD)])
        again = opened()
        assert (list(again.observations()), list(again.ownership())) == (["a"], ["a"])

    def test_a_record_for_an_unknown_run_leaves_nothing(self, store, begin):
        unknown = replace(begin(store), id=99)
        with pytest.raises(ValueError, match="run 99"):
            store.record(unknown, [], [], [seen("a")], [owns("a", MOTD)])
        assert (store.observations(), store.ownership()) == ({}, {})

    def test_a_run_ends(self, store, begin):
        run = begin(store)
        store.end_run(run, "failed", NOW + timedelta(minutes=2))
        assert store.run(run.id) == replace(run, status="failed", finished_at=NOW + timedelta(minutes=2))
        assert store.run(99) is None
        with pytest.raises(ValueError, match="run 99"):
            store.end_run(replace(run, id=99), "failed", NOW)


class TestWhole:
    def test_a_store_keeps_its_name(self, opened):
        assert len(opened().id) == 32
        assert opened().id == opened().id

    def test_compacting_forgets_only_what_nothing_refers_to(self, store, begin):
        run = begin(store)
        store.record(
            run,
            [RunOutcome("s", "p", "x", MOTD, "update", "ok", "", ("a", "b"))],
            [HostOutcome("s", "x", "stale", "", ("c",))],
            [seen("a", since={MOTD: NOW}), seen("b")],
            [owns("a", MOTD), owns("b", MOTD, NGINX)],
        )
        assert store.compact() == 0
        new = seen("a", facts={NGINX: Fact("q", {"version": "2"}, "f9")})
        store.save_observations([new, replace(new, host="b")])
        store.save_ownership([owns("b", NGINX)])
        # Two facts, their body, a since; the body of b's ownership. The Owned are in use still.
        assert store.compact() == 5
        assert store.compact() == 0
        found = store.observations()
        assert plain(found["a"]) == plain(new)
        assert [list(o.owned) for o in store.ownership().values()] == [[MOTD], [NGINX]]
        assert store.run(run.id).outcomes[0].hosts == ("a", "b")


class TestLeases:
    def test_one_at_a_time_and_the_refusal_says_who(self, opened):
        one, other = opened(), opened()
        refused = pytest.raises(Retry, match=r"another apply is running \(pid \d+.* since .* UTC")
        with one.hold("apply"), refused, other.hold("apply"):
            raise AssertionError("both hold it")
        with other.hold("apply"):
            pass

    def test_each_purpose_has_its_own(self, opened):
        one, other = opened(), opened()
        with one.hold("apply") as first, other.hold("lead") as second, one.hold("tidy") as third:
            assert first.epoch < second.epoch < third.epoch
            assert not any(held.fading() or held.over() for held in (first, second, third))

    def test_epochs_only_count_up(self, opened):
        seen = []
        for store in (opened(), opened(), opened()):
            with store.hold("apply") as held:
                seen.append(held.epoch)
        assert seen == sorted(set(seen))

    def test_a_refusal_takes_nothing(self, opened):
        one, other = opened(), opened()
        with one.hold("apply") as held:
            with pytest.raises(Retry), other.hold("apply"):
                pass
            assert other.holder("apply").epoch == held.epoch
            begun = one.begin_run(planned(), "ada", NOW, held.epoch)
        assert begun.epoch == held.epoch

    def test_who_holds_it_can_be_asked_until_it_is_given_back(self, opened):
        store = opened()
        assert store.holder("apply") is None
        with store.hold("apply") as held:
            assert (opened().holder("apply").epoch, held.lease.purpose) == (held.epoch, "apply")
            assert opened().holder("apply").owner == held.lease.owner
        assert store.holder("apply") is None

    def test_it_is_free_again_after_an_error(self, store):
        with pytest.raises(RuntimeError), store.hold("apply"):
            raise RuntimeError
        with store.hold("apply"):
            pass

    def test_nothing_begins_without_it(self, store):
        with store.hold("apply") as held:
            run = store.begin_run(planned(), "ada", NOW, held.epoch)
        for refused in (
            lambda: store.begin_run(planned(), "ada", NOW, held.epoch),
            lambda: store.intend(run, "s1", ["a"]),
            lambda: store.take_over(run, held.epoch),
        ):
            with pytest.raises(Stalled, match=f"the lease of epoch {held.epoch} is over"):
                refused()
        assert (store.intents(run.id), store.runs()) == ([], [run])
        store.record(run, [], [], [seen("a")], [])  # what was done is written down all the same
        assert list(store.observations()) == ["a"]


class TestRecovery:
    def test_what_is_about_to_be_done_is_known_to_others(self, opened, begin):
        store = opened()
        run = begin(store)
        many = [f"h{number}" for number in range(3000)]
        store.intend(run, "base", many)
        store.intend(run, "edge", ["b", "a"])
        assert opened().intents(run.id) == [
            Intent("base", run.epoch, tuple(sorted(many))), Intent("edge", run.epoch, ("a", "b")),
        ]  # fmt: skip

    def test_runs_without_an_end_are_found_the_oldest_first(self, opened, begin):
        store = opened()
        first, second, third = (begin(store) for _ in range(3))
        store.end_run(second, "failed", NOW)
        assert opened().unfinished() == [first, third]

    def test_a_run_that_was_taken_over_can_not_be_written_to_any_more(self, opened, begin):
        old, new = opened(), opened()
        run = begin(old)
        with new.hold("recover") as held:
            taken = new.take_over(run, held.epoch)
            assert (taken.id, taken.epoch, new.unfinished()) == (run.id, held.epoch, [taken])
            for late in (
                lambda: old.record(run, [], [], [seen("a")], []),
                lambda: old.intend(run, "s1", ["a"]),
                lambda: old.end_run(run, "succeeded", NOW),
            ):
                with pytest.raises(Stalled, match="was taken over by another process"):
                    late()
            new.end_run(taken, "interrupted", NOW)
        assert (old.observations(), old.unfinished(), old.run(run.id).status) == ({}, [], "interrupted")
