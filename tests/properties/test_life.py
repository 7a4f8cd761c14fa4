"""The life of a fleet, at random: commits, hand-made changes, faults, applies; and what must hold throughout."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.model.key import Key
from tests.fakes.fleet import Fleet, fleet
from tests.fakes.machine import Machine, file
from tests.properties.fleets import BY_HAND, HOSTS, SERVICES, SHARED, TEXTS, host, service, states

KEYS = [Key("file", path) for path in SHARED] + [
    Key(kind, name) for kind in ("package", "service", "user") for name in SERVICES
]
ANY_HOST = st.sampled_from(HOSTS)
ANY_SERVICE = st.sampled_from(SERVICES)


def there(machine: Machine) -> dict[str, str]:
    """Everything on a machine that can be created or deleted: how our records call it, and whether that is so."""
    found = {f"{'directory' if p['type'] == 'directory' else 'file'}/{path}" for path, p in machine.paths.items()}
    found |= {f"package/{name}" for name in machine.packages}
    found |= {f"{kind}/{name}" for kind, name in machine.accounts}
    return dict.fromkeys(found, "")


class Life(RuleBasedStateMachine):
    """`ours` are things that an apply put where nothing was, by host; they alone may ever be deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = fleet()
        self.world: Fleet = self.opened.__enter__()
        self.services: dict[str, Any] = {}
        self.ours: dict[str, set[str]] = {name: set() for name in HOSTS}

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    @initialize(state=states(whole=True), by_hand=BY_HAND)
    def first_day(self, state: dict[str, Any], by_hand: dict[str, dict[str, str]]) -> None:
        for name, files in by_hand.items():
            self.world.machine(name).paths.update({path: file(text) for path, text in files.items()})
        self.services = state["services"]
        self.world.commit(state)

    @rule(data=st.data(), name=ANY_SERVICE)
    def change_service(self, data: st.DataObject, name: str) -> None:
        given = data.draw(service(name))
        given["requires"] = [required for required in given["requires"] if required in self.services]
        self.services[name] = given
        self.world.commit({"services": {name: given}})

    @rule(name=ANY_SERVICE)
    def remove_service(self, name: str) -> None:
        """Those that require it are left hanging, and held until somebody mends it."""
        self.services.pop(name, None)
        self.world.commit({"services": {name: None}})

    @rule(name=ANY_SERVICE)
    def break_service(self, name: str) -> None:
        self.world.commit({"files": {f"services/{name}.yaml": "kind: Service\nmetadata: ["}})

    @rule(name=ANY_HOST)
    def remove_host(self, name: str) -> None:
        self.world.commit({"hosts": {name: None}})

    @rule(data=st.data(), name=ANY_HOST)
    def bring_host(self, data: st.DataObject, name: str) -> None:
        self.world.commit({"hosts": {name: data.draw(host(name))}})

    @rule(name=ANY_HOST, path=st.sampled_from(SHARED), text=TEXTS)
    def write_by_hand(self, name: str, path: str, text: str) -> None:
        self.world.machine(name).paths[path] = file(text)

    @rule(name=ANY_HOST, path=st.sampled_from(SHARED))
    def remove_by_hand(self, name: str, path: str) -> None:
        self.world.machine(name).paths.pop(path, None)

    @rule(name=ANY_HOST, package=ANY_SERVICE)
    def uninstall_by_hand(self, name: str, package: str) -> None:
        self.world.machine(name).packages.pop(package, None)

    @rule(
        away=st.sets(ANY_HOST, max_size=1),
        lost=st.sets(ANY_HOST, max_size=1),
        failing=st.sets(st.sampled_from(KEYS), max_size=3),
        hidden=st.sets(st.sampled_from(KEYS), max_size=1),
        patience=st.integers(0, 6),
    )
    def apply_with_faults(
        self, away: set[str], lost: set[str], failing: set[Key], hidden: set[Key], patience: int
    ) -> None:
        """Hosts away, answers lost, changes that fail, things that can't be seen, and somebody who presses Ctrl-C."""
        carrier = self.world.carrier
        carrier.unreachable = dict.fromkeys(away, "ssh: timed out")
        for name in HOSTS:
            self.world.machine(name).failing, self.world.machine(name).unreadable = failing, hidden
        planned = self.world.plan()
        carrier.losing = dict.fromkeys(lost, "ssh: the connection broke")
        asked = iter(range(patience))
        self._apply(planned, lambda: next(asked, None) is None)
        carrier.unreachable, carrier.losing = {}, {}
        for name in HOSTS:
            self.world.machine(name).failing, self.world.machine(name).unreadable = set(), set()

    @rule(name=ANY_HOST, path=st.sampled_from(SHARED))
    def apply_a_plan_that_became_stale(self, name: str, path: str) -> None:
        planned = self.world.plan()
        self.world.machine(name).paths[path] = file("meanwhile\n")
        self._apply(planned, lambda: False)

    @rule()
    @precondition(lambda self: self.services)
    def apply(self) -> None:
        """Without a fault: afterwards nothing is left to do, and what our records claim is there."""
        run = self._apply(self.world.plan(), lambda: False)
        assert run.status == "succeeded", run
        planned = self.world.plan()
        assert planned.plan.summary.changes == 0, planned.plan
        for name, ours in self.world.store.ownership().items():
            left_alone = {item.key for item in planned.plan.blocked if name in item.hosts}
            claimed = {key for key, owned in ours.owned.items() if owned.created and key.kind in KINDS} - left_alone
            if name in planned.read.desired.hosts:
                assert set(map(str, claimed)) <= there(self.world.machine(name)).keys()

    @rule(name=ANY_SERVICE)
    @precondition(lambda self: len(self.services) > 1)
    def retire_service(self, name: str) -> None:
        """From a fleet in order to one in order: what is removed is only what the service had put there."""
        self.apply()
        self.remove_service(name)
        if self.services:
            self.apply()

    def _apply(self, planned: Any, stopping: Any) -> Any:
        before = {name: there(self.world.machine(name)).keys() for name in HOSTS}
        run = self.world.apply(planned, stopping)
        for name in HOSTS:
            after = there(self.world.machine(name)).keys()
            assert before[name] - after <= self.ours[name], "something was deleted that we did not create"
            self.ours[name] = (self.ours[name] | (after - before[name])) & after
        return run

    @invariant()
    def runs_are_ended(self) -> None:
        assert [run.id for run in self.world.store.runs() if run.status == "running"] == []


KINDS = ("file", "directory", "package", "user", "group")

TestLife = Life.TestCase
TestLife.settings = settings(max_examples=20, stateful_step_count=15)
