"""Gate, rollout and ownership together, at random: what a person or an automaton may do in any order, and what holds.

The oracle is what the machines themselves saw, and what plans said before; it knows nothing of how runs are driven.
"""

from __future__ import annotations

from itertools import dropwhile, islice, takewhile
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.core.gate import Allowance, Limits
from reconciler.core.planning.batch import Caution
from reconciler.core.planning.plan_json import read_plan
from reconciler.loop import reconcile
from reconciler.model.event import RunStarted, StepStarted
from reconciler.model.key import Key
from reconciler.model.plan import Plan
from reconciler.model.rollout import Outside
from tests.fakes.fleet import Fleet, fleet

HOSTS = tuple(f"web-{n}" for n in range(8))
SITES = ("a", "b", "")
FILE = Key("file", "/etc/f")
LIMITS = Limits(deletes=3, delete_hosts=3, delete_service_share=0.5, delete_fleet_share=0.5, drift_hosts=3)
CAUTION = Caution(rollout_hosts=3, breaker_hosts=3)

ROLLOUTS = st.fixed_dictionaries(
    {},
    optional={
        "canary": st.integers(0, 2),
        "batches": st.lists(st.sampled_from([1, 2, 5, "25%", "50%", "100%"]), max_size=3),
        "failureDomain": st.just("site"),
        "maxFailures": st.sampled_from([0, 1, "25%"]),
        "maxUnavailable": st.integers(1, 3),
        "onFailure": st.sampled_from(["stop", "rollback"]),
        "health": st.just([{"http": {"url": "http://{{ host.address }}/"}}]),
    },
)
SOME = st.sets(st.sampled_from(HOSTS), max_size=3)


def site(host: str) -> str:
    return SITES[HOSTS.index(host) % 3]


class Rolling(RuleBasedStateMachine):
    """`texts` counts up, so that every change is one."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = fleet()
        self.world: Fleet = self.opened.__enter__()
        self.world.limits, self.world.caution = LIMITS, CAUTION
        self.texts = 0
        self.there = set(HOSTS)

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    @initialize()
    def first_day(self) -> None:
        labelled = {host: {"role": "web"} | ({"site": site(host)} if site(host) else {}) for host in HOSTS}
        other = {"resources": [{"file": "/etc/other", "content": "x"}]}
        self.world.commit({"hosts": labelled, "services": {"edge": self._service({}), "other": other}})
        self._apply(set(), set(), approve=True)

    def _service(self, rollout: dict[str, Any], extra: int = 0) -> dict[str, Any]:
        self.texts += 1
        resources = [{"file": "/etc/f", "content": f"{self.texts}\n"}]
        resources += [{"file": f"/etc/extra-{n}", "content": "x"} for n in range(extra)]
        return {"resources": resources, "rollout": rollout}

    @rule(rollout=ROLLOUTS, extra=st.integers(0, 2), failing=SOME, unhealthy=SOME, approve=st.booleans())
    def change(
        self, rollout: dict[str, Any], extra: int, failing: set[str], unhealthy: set[str], approve: bool
    ) -> None:
        self.world.commit({"services": {"edge": self._service(rollout, extra)}})
        self._apply(failing, unhealthy, approve)

    @rule(by_hand=st.sets(st.sampled_from(HOSTS), min_size=1), approve=st.booleans())
    def drift(self, by_hand: set[str], approve: bool) -> None:
        for host in by_hand:
            machine = self.world.machine(host)
            if "/etc/f" in machine.paths:
                machine.paths["/etc/f"]["content"] = b"by hand\n"
        self._apply(set(), set(), approve)

    @rule(away=SOME, approve=st.booleans())
    def look_while_some_are_away(self, away: set[str], approve: bool) -> None:
        self.world.carrier.unreachable = dict.fromkeys(away, "ssh: timed out")
        self._apply(set(), set(), approve)
        self.world.carrier.unreachable = {}

    @rule()
    def again(self) -> None:
        self._apply(set(), set(), approve=True)

    def _apply(self, failing: set[str], unhealthy: set[str], approve: bool) -> None:
        """Plans, asks the gate, and runs what it lets through (or what is approved); then looks at what was done."""
        world = self.world
        planned = world.plan()
        refused = reconcile.refusals(world.world, planned, Allowance())
        self._caps_hold(planned.plan, {refusal.limit for refusal in refused})
        if refused and not approve:
            return
        for host in HOSTS:
            world.machine(host).failing = {FILE} if host in failing else set()
        current = f"{self.texts}\n".encode()

        def says(check: Outside) -> str:
            host = str(check).partition("://")[2].partition(".")[0]
            new = world.machine(host).paths.get("/etc/f", {}).get("content") == current
            return "503" if host in unhealthy and new else ""

        world.prober.says = says
        world.carrier.sent.clear()
        world.ears.heard.clear()
        before = {host: dict(world.machine(host).paths) for host in HOSTS}
        run = world.apply(planned)
        for host in HOSTS:
            world.machine(host).failing = set()
        self._within_the_plan(planned.plan, run.id, before)
        self._domains_apart(planned.plan)
        terms = planned.plan.rollouts.get("edge")
        looked_after = unhealthy if terms is not None and terms.health else set()
        self._budget_held(planned.plan, run.epoch, failing | looked_after)

    def _caps_hold(self, plan: Plan, limits: set[str]) -> None:
        """No more deletes than the limits say get by without a word."""
        if plan.summary.delete > LIMITS.deletes:
            assert "deletes" in limits
        drifting = {
            host
            for step in plan.steps
            for program, hosts in step.programs.items()
            if any(change.cause == "drift" for change in plan.programs[program].changes)
            for host in hosts
        }
        assert ("mass-drift" in limits) is (len(drifting) > LIMITS.drift_hosts)

    def _within_the_plan(self, plan: Plan, run: int, before: dict[str, dict[str, Any]]) -> None:
        """Nothing was done that the plan, or that of a way back, did not say."""
        world = self.world
        plans = [plan]
        for back in world.store.runs_undoing(run):
            plans.append(read_plan(world.store.plan(back.plan) or b""))
        said = {
            (host, change.key.name)
            for each in plans
            for step in each.steps
            for program, hosts in step.programs.items()
            for change in each.programs[program].changes
            for host in hosts
        }
        for host in HOSTS:
            now = world.machine(host).paths
            moved = {path for path in {*now, *before[host]} if now.get(path) != before[host].get(path)}
            assert {(host, path) for path in moved} <= said

    def _domains_apart(self, plan: Plan) -> None:
        for step in plan.steps:
            terms = plan.rollouts.get(step.service)
            if terms is not None and terms.domain:
                assert len({site(host) for host in step.hosts}) == 1
        # Steps are begun one after the other, in the order of the plan. A way back is a run of its own after them.
        order = [step.id for step in plan.steps]
        heard = dropwhile(lambda event: not isinstance(event, RunStarted), self.world.ears.heard)
        ours = takewhile(lambda event: not isinstance(event, RunStarted), islice(heard, 1, None))
        begun = [event.step for event in ours if isinstance(event, StepStarted)]
        assert begun == [id_ for id_ in order if id_ in begun]

    def _budget_held(self, plan: Plan, epoch: int, bad: set[str]) -> None:
        """After the failure that is one too many, nothing more of the service is begun; nor after a bad canary. The
        simulated carrier has one host under way at a time, so at most one batch of unhealthy hosts is found late."""
        terms = plan.rollouts.get("edge")
        steps = [step for step in plan.steps if step.service == "edge"]
        visited = {
            delivery.host.name
            for delivery in self.world.carrier.sent
            if any(work.key == FILE for work in delivery.payload.works) and delivery.epoch == epoch
        }
        budget = CAUTION.bearable(plan.summary.hosts) if terms is None else terms.budget
        failed: set[str] = set()
        for step in steps:
            hosts = set(step.hosts) & visited
            if len(failed) > budget:
                assert not hosts, "a batch was begun although the budget was used up"
            failed |= hosts & bad
        canary = {host for step in steps if step.batch is not None and step.batch.canary for host in step.hosts}
        if canary & failed:
            assert visited <= canary

    @invariant()
    def runs_are_ended(self) -> None:
        assert [run.id for run in self.world.store.runs() if run.status == "running"] == []

    @invariant()
    def only_what_we_made_is_on_record_as_ours(self) -> None:
        for ours in self.world.store.ownership().values():
            for key, owned in ours.owned.items():
                assert not owned.created or key.name in self.world.machine(ours.host).paths or not owned.desired


TestRolling = Rolling.TestCase
TestRolling.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
