"""A rollout whose process dies, at each of the places at which it can, and what goes on after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from reconciler.core.explain.run_text import resumed_line
from reconciler.loop import reconcile
from reconciler.model.delivery import Delivery, Reply
from reconciler.model.key import Key
from reconciler.model.rollout import Outside
from reconciler.model.run import Run
from reconciler.ports import Hearing, unheard
from tests.fakes.fleet import Fleet, fleet

EDGE = Key("file", "/etc/e")
HTTP = {"http": {"url": "http://{{ host.address }}/healthz"}}
HOSTS = [f"web-{n}" for n in range(6)]
WRITES = ("begin_run", "intend", "record", "end_run", "take_over", "save_observations")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Death:
    """Comes after so many places; from then on the process does nothing any more."""

    left: int
    come: bool = False

    def pass_by(self) -> None:
        self.left -= 1
        self.come = self.come or self.left < 0
        if self.come:
            raise Killed


@dataclass
class MortalStore:
    """Dies before or after what it writes."""

    store: Any
    death: Death

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.store, name)

        def written(*arguments: Any) -> Any:
            self.death.pass_by()
            answer = inner(*arguments)
            self.death.pass_by()
            return answer

        return written if name in WRITES else inner


@dataclass
class MortalCarrier:
    """Dies before or after a visit."""

    carrier: Any
    death: Death

    def __getattr__(self, name: str) -> Any:
        return getattr(self.carrier, name)

    def carry(
        self, deliveries: Sequence[Delivery], stopping: Callable[[], bool], hearing: Hearing = unheard
    ) -> Iterator[Reply]:
        self.death.pass_by()
        for reply in self.carrier.carry(deliveries, stopping, hearing):
            self.death.pass_by()
            yield reply


@contextmanager
def rolling_out(**rollout: Any) -> Iterator[Fleet]:
    """Six hosts that are as revision one says, and a second revision that is not applied yet."""
    labels = {host: {"role": "web"} for host in HOSTS}
    with fleet({"hosts": labels, "services": {"edge": service("one\n")}}) as world:
        assert world.apply().status == "succeeded"
        world.carrier.sent.clear()
        world.commit({"services": {"edge": service("two\n", **rollout)}})
        yield world


def service(text: str, **rollout: Any) -> dict[str, Any]:
    return {"resources": [{"file": "/etc/e", "content": text}], "rollout": rollout}


def dies(world: Fleet, planned: reconcile.Planned, after: int) -> bool:
    """Applies it and dies after so many places, if there are so many."""
    store, carrier, death = world.store, world.carrier, Death(after)
    world.store, world.carrier = MortalStore(store, death), MortalCarrier(carrier, death)
    try:
        with suppress(Killed):
            world.apply(planned)
    finally:
        world.store, world.carrier = store, carrier
    return death.come


def goes_on(world: Fleet) -> Run:
    """What `reconciler apply` does after that; answers the last run."""
    reconcile.settle_interrupted(world.world)
    planned = reconcile.resumed(world.world)
    if planned is None:
        planned = world.plan()
        if not planned.plan.summary.changes or reconcile.refusals(world.world, planned, reconcile.Allowance()):
            return last(world)
    return world.apply(planned)


def last(world: Fleet) -> Run:
    """The last run that did not only take something back."""
    return next(run for run in world.store.runs() if run.undoes is None)


def everywhere(prepare: Callable[[Fleet], None], check: Callable[[Fleet, Run], None], **rollout: Any) -> int:
    """Lets a rollout die at each place, one after the other, and checks what comes of it; how many places there are."""
    for places in count():
        with rolling_out(**rollout) as world:
            prepare(world)
            planned = world.plan()
            died = dies(world, planned, places)
            check(world, goes_on(world) if died else last(world))
            assert world.store.unfinished() == []
            if not died:
                return places
    raise AssertionError("it never ends")


def visits(world: Fleet) -> list[str]:
    """The hosts that were given something to do, in that order."""
    return [delivery.host.name for delivery in world.carrier.sent if delivery.payload.works]


def texts(world: Fleet) -> list[str]:
    return [world.machine(host).paths["/etc/e"]["content"].decode().strip() for host in HOSTS]


def test_batches_go_on_where_they_were_and_nothing_is_done_twice() -> None:
    def check(world: Fleet, run: Run) -> None:
        assert (run.status, texts(world)) == ("succeeded", ["two"] * 6)
        assert visits(world) == HOSTS, "each once, in the order of the batches"
        assert len({run.plan for run in world.store.runs()}) == 2, "the plan that went on is the one that was begun"

    assert everywhere(lambda _: None, check, canary=1, batches=[3, "100%"], health=[HTTP], maxUnavailable=2) > 20


def test_the_budget_is_one_for_all_runs_of_a_rollout() -> None:
    def prepare(world: Fleet) -> None:
        for host in ("web-1", "web-3", "web-5"):
            world.machine(host).failing.add(EDGE)

    def check(world: Fleet, run: Run) -> None:
        assert run.status == "halted"
        assert set(visits(world)) == set(HOSTS[:4]), "the second failure is one too many, whoever counts it"
        assert texts(world)[4:] == ["one", "one"]
        assert max(Counter(h for h in visits(world) if h not in ("web-1", "web-3")).values()) == 1

    assert everywhere(prepare, check, batches=[2, 4, 6], maxFailures=1) > 15


def test_what_has_to_go_back_goes_back_whenever_the_process_dies() -> None:
    def prepare(world: Fleet) -> None:
        def says(check: Outside) -> str:
            return "503" if "web-0." in str(check) and texts(world)[0] != "one" else ""

        world.prober.says = says

    def check(world: Fleet, run: Run) -> None:
        assert (run.status, texts(world)) == ("halted", ["one"] * 6)
        assert set(visits(world)) == {"web-0", "web-1"}, "nobody but the canary was touched"
        assert world.owned("web-0")["file//etc/e"].revision == world.store.runs()[-1].revision

    assert everywhere(prepare, check, canary=2, onFailure="rollback", health=[HTTP]) > 20


@pytest.fixture
def cut() -> Iterator[Fleet]:
    """A rollout whose process died after its canary, before that was looked after."""
    with rolling_out(canary=1, health=[HTTP]) as world:
        asked = list[Outside]()

        def says(check: Outside) -> str:
            asked.append(check)
            raise Killed

        world.prober.says = says
        with suppress(Killed), pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.store, "end_run", lambda *_: (_ for _ in ()).throw(Killed()))
            world.apply()
        assert (len(asked), visits(world)) == (1, ["web-0"])
        world.prober.asked.clear()
        yield world


def test_a_canary_is_looked_after_by_whoever_goes_on(cut: Fleet) -> None:
    cut.prober.says = lambda check: "503"
    assert (goes_on(cut).status, visits(cut)) == ("halted", ["web-0"])
    assert {str(check) for check in cut.prober.asked} != set()


def test_it_is_said_that_a_plan_goes_on(cut: Fleet) -> None:
    reconcile.settle_interrupted(cut.world)
    planned = reconcile.resumed(cut.world)
    assert planned is not None
    said = f"Going on with plan {planned.plan.digest[:8]} where it was interrupted: 1 of 6 visits to hosts are over"
    assert resumed_line(planned.plan, planned.earlier) == said


def test_a_plan_does_not_go_on_when_git_has_moved(cut: Fleet) -> None:
    reconcile.settle_interrupted(cut.world)
    cut.commit({"services": {"edge": service("three\n")}})
    assert reconcile.resumed(cut.world) is None


def test_only_a_plan_that_was_interrupted_goes_on(cut: Fleet) -> None:
    cut.prober.says = lambda check: ""
    assert goes_on(cut).status == "succeeded"
    assert reconcile.resumed(cut.world) is None
