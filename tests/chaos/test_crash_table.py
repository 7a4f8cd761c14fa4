"""The crash table, row by row: what remains after a crash there, and how the next worker goes on. With real kills."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from reconciler.core.running.recovery import results_of
from reconciler.model.run import Run
from tests.chaos.faults import CRASH_TABLE, Fault
from tests.chaos.ground import Ground, ground
from tests.chaos.hosts import Visit, hosts
from tests.chaos.invariants import Evidence, always, converged, told
from tests.chaos.rehearsal import rehearse
from tests.chaos.scenario import HOSTS, Scenario
from tests.chaos.worker import Ended, Setting, done, time_passes
from tests.lab.postgres import MEMORY
from tests.stores import BACKENDS

CHANGED = "/etc/base-1"


@dataclass
class Stage:
    """Hosts that are as Git asks, and a commit that changes one file on each of them."""

    setting: Setting
    scenario: Scenario
    before: int = 0

    def work(self, fault: Fault | None = None, mode: str = "apply") -> int:
        """How a worker ended: its `Ended`, or minus the number of the signal that killed it."""
        return done(self.setting, fault, mode)

    def seen(self) -> Evidence:
        return Evidence.gathered(self.scenario, self.setting.ground.store(), self.setting.hosts)

    def visits(self) -> list[Visit]:
        """What hosts were given or asked since the commit."""
        return [visit for visit in self.seen().visits if visit.start > self.before]

    def newest(self) -> Run:
        store = self.seen().store
        run = store.run(store.runs(1)[0].id)
        assert run is not None
        return run

    def others_wait(self, mode: str = "apply") -> None:
        """With PostgreSQL, until the lease of the killed worker is over."""
        if self.setting.ground.backend == "postgresql":
            assert self.work(mode=mode) == Ended.TAKEN
        time_passes(self.setting.ground)


@pytest.fixture(scope="module", params=BACKENDS)
def here(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with ground(request.param) as made:
        rehearse(made)
        yield made


@pytest.fixture
def stage(here: Ground) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, hosts(Path(folder)) as them:
        scenario = Scenario(Random(1))
        made = Stage(Setting(here, them, scenario.source), scenario)
        assert made.work() == Ended.SUCCEEDED
        made.before = max(visit.end for visit in made.seen().visits)
        scenario.files["base"][CHANGED] = "changed\n"
        scenario._commit()
        yield made
    here.clear()


def killed_at(stage: Stage, row: str, mode: str = "apply") -> None:
    assert stage.work(Fault(CRASH_TABLE[row]), mode) == -signal.SIGKILL
    stage.others_wait(mode)


def goes_on(stage: Stage) -> dict[str, str]:
    """The next worker brings it to its end, nothing is done twice; what it found out of the run that was killed."""
    run = stage.newest()
    assert stage.work() in (Ended.SUCCEEDED, Ended.IDLE)
    seen = stage.seen()
    assert [*always(seen), *converged(seen)] == []
    effects = [(visit.host, *effect) for visit in stage.visits() for effect in visit.effects]
    assert sorted(host for host, key, _ in effects if key == f"file/{CHANGED}") == sorted(HOSTS)
    whole = seen.store.run(run.id)
    assert whole is not None
    return {host: status for (_, host), status in results_of(whole).items()} | {"run": whole.status}


def test_a_plan_that_is_stored_and_not_begun(stage: Stage) -> None:
    killed_at(stage, "plan stored")
    assert (stage.newest().status, stage.seen().store.intents(stage.newest().id), stage.visits()) == ("running", [], [])
    assert goes_on(stage) == {"run": "interrupted"}


def test_a_claim(stage: Stage) -> None:
    killed_at(stage, "claim")
    assert stage.newest().status == "succeeded", "there is no new run"
    before = stage.newest().epoch
    assert goes_on(stage)["run"] == "succeeded"
    assert stage.newest().epoch > before + 1, "the epoch of the dead worker is never used again"


def test_an_intent_before_the_first_packet(stage: Stage) -> None:
    killed_at(stage, "intent committed")
    [intent] = stage.seen().store.intents(stage.newest().id)
    assert (intent.hosts, stage.visits()) == (HOSTS, [])
    assert goes_on(stage) == dict.fromkeys(HOSTS, "skipped") | {"run": "interrupted"}


def test_a_host_that_accepted_the_epoch(stage: Stage) -> None:
    killed_at(stage, "host accepted the epoch")
    [visit] = stage.visits()
    assert (visit.host, visit.epoch) == (HOSTS[0], stage.newest().epoch)
    assert stage.newest().outcomes == (), "the worker did not hear of it"
    # The host did all of it while the worker was dead already: found done, not done again.
    assert goes_on(stage) == {HOSTS[0]: "done", HOSTS[1]: "skipped", HOSTS[2]: "skipped", "run": "interrupted"}


def test_an_effect(stage: Stage) -> None:
    killed_at(stage, "effect of a change")
    assert goes_on(stage) == {HOSTS[0]: "done", HOSTS[1]: "skipped", HOSTS[2]: "skipped", "run": "interrupted"}


def test_an_outcome_that_is_committed(stage: Stage) -> None:
    killed_at(stage, "outcome committed")
    assert {host for outcome in stage.newest().outcomes for host in outcome.hosts} == set(HOSTS)
    asked = len(stage.visits())
    assert goes_on(stage) == dict.fromkeys(HOSTS, "done") | {"run": "interrupted"}
    assert len(stage.visits()) == asked, "nobody was in doubt, so nobody was asked again"


def test_a_notice_that_is_not_sent(stage: Stage) -> None:
    killed_at(stage, "notification not sent", "tell")
    [waiting] = stage.seen().store.outbox.waiting()
    assert stage.seen().heard == []
    assert stage.work(Fault("messenger.send.after"), "tell") == -signal.SIGKILL
    stage.others_wait("tell")
    assert stage.work(mode="tell") == Ended.IDLE
    seen = stage.seen()
    assert seen.heard == [(waiting.notice.id, seen.scenario.source.revision().sha)] * 2, "it is sent again, as the same"
    assert list(told(seen)) == []


def test_the_same_plan_goes_on_where_it_was(stage: Stage) -> None:
    killed_at(stage, "host accepted the epoch")
    plan = stage.newest().plan
    assert stage.work(mode="resume") == Ended.SUCCEEDED
    assert (stage.newest().plan, stage.newest().status) == (plan, "succeeded")
    works = [visit.host for visit in stage.visits() if visit.works]
    assert works == list(HOSTS), "each host got its works once"


def test_a_packet_that_comes_after_the_recovery_is_refused(stage: Stage) -> None:
    assert stage.work(Fault("host.accepted", 1, "delay")) == -signal.SIGKILL
    stage.others_wait()
    assert goes_on(stage)[HOSTS[0]] == "skipped"
    assert [visit.status for visit in stage.visits() if visit.host == HOSTS[0]] == ["done", "refused", "done"]


def test_a_recovery_that_is_killed_is_recovered(stage: Stage) -> None:
    killed_at(stage, "effect of a change")
    for point in ("store.take_over.after", "carrier.answered", "store.record.before", "store.end_run.before"):
        assert stage.work(Fault(point)) == -signal.SIGKILL
        stage.others_wait()
    assert goes_on(stage)["run"] == "interrupted"
