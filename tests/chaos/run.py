"""One chaotic run from a seed: commits, workers that die, clean workers in between, and the invariants after each."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from sqlalchemy import text

from reconciler.model.key import Key
from tests.chaos.faults import CRASH_TABLE, IN_RECOVERY, POINTS, Fault
from tests.chaos.hosts import hosts
from tests.chaos.invariants import Evidence, always, converged
from tests.chaos.plants import PLANTS
from tests.chaos.scenario import HOSTS, Scenario
from tests.chaos.worker import Ended, Setting, start, warm_up
from tests.lab.postgres import MEMORY
from tests.stores import Backend, place

LIFE = 30
"""Workers that die on one store and its hosts; what they leave is looked at as a whole each time."""
LEASE = 60.0
"""Longer than any test: time passes when the run says so, not with the load of the machine."""


@dataclass(frozen=True)
class Chaos:
    """What to run. The same seed gives the same commits and faults."""

    seed: int
    backend: Backend
    kills: int
    plant: str = ""

    def __str__(self) -> str:
        plant = f" --plant {self.plant!r}" if self.plant else ""
        return f"python -m tests.chaos --seed {self.seed} --kills {self.kills} --backend {self.backend}{plant}"


@dataclass
class Report:
    """`wrong` is what does not hold, `killed` how often workers died where, `ended` how the others ended."""

    chaos: Chaos
    wrong: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    last: list[str] = field(default_factory=list)

    def missed(self) -> list[str]:
        """Rows of the crash table at which nobody died."""
        return [row for row, point in CRASH_TABLE.items() if not self.killed[point]]

    def __str__(self) -> str:
        missed = self.missed()
        head = f"{self.chaos.backend}, seed {self.chaos.seed}: {self.killed.total()} kills in {self.rounds} rounds"
        lines = [head, f"  killed {dict(sorted(self.killed.items()))}", f"  ended by themselves {dict(self.ended)}"]
        lines += [f"  never reached: {', '.join(missed)}"] if missed else []
        if self.wrong:
            lines += [f"  WRONG {line}" for line in self.wrong]
            lines += [f"  before that: {'; '.join(self.last)}", f"  again: {self.chaos}"]
        return "\n".join(lines)


def run(chaos: Chaos) -> Report:
    """Runs until so many workers have died, or something is wrong: one life after another, each with its own seed."""
    warm_up()
    whole = Report(chaos)
    for number in count():
        left = chaos.kills - whole.killed.total()
        if left <= 0:
            return whole
        life = _life(replace(chaos, seed=chaos.seed + number, kills=min(left, LIFE)))
        whole.killed += life.killed
        whole.ended += life.ended
        whole.rounds += life.rounds
        if life.wrong:
            return replace(life, killed=whole.killed, ended=whole.ended, rounds=whole.rounds)
    raise AssertionError("it goes on for ever")


def _life(chaos: Chaos) -> Report:
    bend, fenced = PLANTS[chaos.plant] if chaos.plant else (lambda world: world, True)
    report = Report(chaos)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as folder,
        hosts(Path(folder), fenced) as them,
        place(chaos.backend) as here,
    ):
        here.lease = LEASE
        scenario = Scenario(Random(chaos.seed))
        _Run(chaos, report, Setting(here, them, scenario.source, bend), scenario).go()
    return report


@dataclass
class _Run:
    chaos: Chaos
    report: Report
    setting: Setting
    scenario: Scenario
    random: Random = field(init=False)
    died: bool = False

    def __post_init__(self) -> None:
        self.random = self.scenario.random

    def go(self) -> None:
        self._clean()
        while self.report.killed.total() < self.chaos.kills and not self.report.wrong:
            self.report.rounds += 1
            self.report.last = [f"round {self.report.rounds}"]
            self.scenario.next()
            self._unreadable()
            for _ in range(self.random.randint(1, 4)):
                self._worker(self._fault(), self.random.choice(("apply", "apply", "apply", "resume", "resume", "plan")))
            self._check(always)
            if self.random.random() < 0.4 and not self.report.wrong:
                self._readable()
                self._clean()
        if not self.report.wrong:
            self._readable()
            self._clean()

    def _fault(self) -> Fault:
        what = self.random.choices(("kill", "delay", "pause", "reboot"), (8, 2, 2, 1))[0]
        if what == "delay":
            return Fault("host.accepted", self.random.randint(1, 4), what)
        if what == "reboot":
            return Fault(self.random.choice(("host.accepted", "host.effect", "host.worked")), 1, what)
        if what == "pause" and self.chaos.backend == "postgresql":
            return Fault(self.random.choice(("store.intend.after", "carrier.sent", "host.accepted")), 1, what)
        if self.random.random() < 0.3:  # the row of the crash table at which fewest have died
            return Fault(min(CRASH_TABLE.values(), key=lambda point: self.report.killed[point]))
        # After a death the next one mostly comes by the points of recovery, and may die there.
        points = IN_RECOVERY if self.died and self.random.random() < 0.5 else POINTS
        return Fault(self.random.choice(points), self.random.choice((1, 1, 1, 2, 3)))

    def _worker(self, fault: Fault, mode: str) -> None:
        self.report.last.append(f"{mode}, {fault}")
        point = fault.point
        self.died = False
        child = start(self.setting, fault, mode)
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            self._overtake(child, point)
        elif os.WIFSIGNALED(status):
            self.report.killed[point] += 1
            self.died = True
            self._time_passes()
        else:
            self._ended(Ended(os.waitstatus_to_exitcode(status)))

    def _overtake(self, paused: int, point: str) -> None:
        """Another worker goes to work while one is paused past its lease; then that one goes on, not knowing."""
        self._time_passes()
        self._worker(Fault(), "apply")
        os.kill(paused, signal.SIGCONT)
        _, status = os.waitpid(paused, 0)
        self.report.killed[f"{point} (paused)"] += 1
        if not os.WIFSIGNALED(status):
            self._ended(Ended(os.waitstatus_to_exitcode(status)))
        self._time_passes()

    def _ended(self, how: Ended) -> None:
        self.report.ended[how.name.lower()] += 1
        if how is Ended.REFUSED:
            self.scenario.restore()
        if how is Ended.BROKEN:
            self.report.wrong.append("a worker fell over a bug; its traceback is above")

    def _time_passes(self) -> None:
        """So much that every lease is over. A file knows by itself that its holder has died."""
        if self.chaos.backend == "postgresql":
            store = self.setting.place()
            with store._database.claims.begin() as connection:
                connection.execute(text("UPDATE lease SET expires_at = clock_timestamp() - interval '1 second'"))
            self.setting.place.close()

    def _unreadable(self) -> None:
        """On some host something can't be read for a while."""
        for host in HOSTS:
            keys = {Key("file", path) for files in self.scenario.files.values() for path in files}
            chosen = {self.random.choice(sorted(keys))} if self.random.random() < 0.2 else set()
            self.setting.hosts.ask(("unreadable", host, chosen))

    def _readable(self) -> None:
        for host in HOSTS:
            self.setting.hosts.ask(("unreadable", host, set()))

    def _clean(self) -> None:
        """Workers that nothing happens to, until all is as Git asks; a few must do."""
        for _ in range(4):
            child = start(self.setting, Fault(), "apply")
            how = Ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            self._ended(how)
            if how is Ended.IDLE:
                return self._check(always, converged)
        self.report.wrong.append(f"it does not converge: {dict(self.report.ended)}")
        return None

    def _check(self, *checks: object) -> None:
        store = self.setting.place()
        seen = Evidence.gathered(self.scenario, store, self.setting.hosts)
        for check in checks:
            self.report.wrong += _few(check(seen))
        self.setting.place.close()


def _few(found: Iterator[str]) -> list[str]:
    return [line for _, line in zip(range(5), found, strict=False)]
