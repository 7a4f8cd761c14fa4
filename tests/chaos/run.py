"""One chaotic run from a seed: commits, workers that die, clean workers in between, and the invariants after each."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from random import Random

from reconciler.model.key import Key
from tests.chaos.faults import CRASH_TABLE, IN_RECOVERY, IN_TELLING, IN_WATCHING, POINTS, Fault
from tests.chaos.ground import Ground, ground
from tests.chaos.hosts import hosts
from tests.chaos.invariants import Archive, Evidence, always, converged, told
from tests.chaos.plants import PLANTS
from tests.chaos.rehearsal import rehearse
from tests.chaos.scenario import HOSTS, Scenario
from tests.chaos.worker import Ended, Setting, Worker, time_passes
from tests.lab.postgres import MEMORY
from tests.stores import Backend

LIFE = 30
"""Workers that die on one store and its hosts; what they leave is looked at as a whole each time."""


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
    whole = Report(chaos)
    with ground(chaos.backend) as here:
        rehearse(here)
        for number in count():
            left = chaos.kills - whole.killed.total()
            if left <= 0:
                return whole
            life = _life(replace(chaos, seed=chaos.seed + number, kills=min(left, LIFE)), here)
            whole.killed += life.killed
            whole.ended += life.ended
            whole.rounds += life.rounds
            if life.wrong:
                return replace(life, killed=whole.killed, ended=whole.ended, rounds=whole.rounds)
            here.clear()
    raise AssertionError("it goes on for ever")


def _life(chaos: Chaos, here: Ground) -> Report:
    bend, fenced = PLANTS[chaos.plant] if chaos.plant else (lambda world: world, True)
    report = Report(chaos)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, hosts(Path(folder), fenced) as them:
        scenario = Scenario(Random(chaos.seed))
        life = _Run(chaos, report, Setting(here, them, scenario.source, bend), scenario)
        try:
            life.go()
        finally:
            life.end()
    return report


@dataclass
class _Run:
    chaos: Chaos
    report: Report
    setting: Setting
    scenario: Scenario
    random: Random = field(init=False)
    worker: Worker | None = None
    archive: Archive = field(default_factory=Archive)

    def __post_init__(self) -> None:
        self.random = self.scenario.random

    def go(self) -> None:
        self._clean()
        while self.report.killed.total() < self.chaos.kills and not self.report.wrong:
            self.report.rounds += 1
            self.report.last = [f"round {self.report.rounds}"]
            self.scenario.next()  # so no plan goes on that was made when other things could be read
            self._unreadable()
            for number in range(self.random.randint(2, 6)):
                if number and self.worker is not None:  # whoever died left something to be done
                    self.scenario.next()
                fault = self._fault()
                self._work(fault, self._mode(fault.point))
                self._check(always)
                if self.report.wrong:
                    return
            if self.random.random() < 0.4:
                self._readable()
                self._clean()
        if not self.report.wrong:
            self._readable()
            self.archive = Archive()  # at the end everything is read again
            self._clean()

    def end(self) -> None:
        if self.worker:
            self.worker.kill()

    def _mode(self, point: str) -> str:
        """What a worker does that comes by there."""
        if point in IN_TELLING:
            return "tell"
        return "plan" if point in IN_WATCHING else self.random.choice(("apply", "apply", "apply", "resume", "resume"))

    def _fault(self) -> Fault:
        if self.random.random() < 0.1:
            return Fault(self.random.choice(IN_TELLING))
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
        points = IN_RECOVERY if self.worker is None and self.random.random() < 0.5 else POINTS
        return Fault(self.random.choice(points), self.random.choice((1, 1, 1, 2, 3)))

    def _work(self, fault: Fault, mode: str = "apply") -> None:
        """Has one worker do something. Who is not killed does the next thing, too."""
        self.report.last.append(f"{mode}, {fault}")
        worker = self.worker = self.worker or Worker.started(self.setting)
        point = fault.point
        worker.begin(fault, mode)
        how = worker.end()
        if how == -signal.SIGSTOP:
            self._overtake(worker, point)
        elif how == -signal.SIGKILL:
            self.report.killed[point] += 1
            self.worker = None
            time_passes(self.setting.ground)
        else:
            self._ended(Ended(how))

    def _overtake(self, paused: Worker, point: str) -> None:
        """Another worker goes to work while one is paused past its lease; then that one goes on, not knowing."""
        time_passes(self.setting.ground)
        self.worker = None
        self._work(Fault())
        paused.go_on()
        self.report.killed[f"{point} (paused)"] += 1
        self._ended(Ended(paused.end()))
        paused.kill()
        time_passes(self.setting.ground)

    def _ended(self, how: Ended) -> None:
        self.report.ended[how.name.lower()] += 1
        if how is Ended.REFUSED:
            self.scenario.restore()
        if how is Ended.BROKEN:
            self.report.wrong.append("a worker fell over a bug; its traceback is above")

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
        """Work that nothing happens to, until all is as Git asks; a few times must do."""
        before = self.report.ended[Ended.IDLE.name.lower()]
        for _ in range(4):
            self._work(Fault())
            if self.report.ended[Ended.IDLE.name.lower()] > before:
                self._work(Fault(), "tell")
                return self._check(always, converged, told)
        self.report.wrong.append(f"it does not converge: {dict(self.report.ended)}")
        return None

    def _check(self, *checks: Callable[[Evidence], Iterator[str]]) -> None:
        seen = Evidence.gathered(self.scenario, self.setting.ground.store(), self.setting.hosts, self.archive)
        for check in checks:
            self.report.wrong += islice(check(seen), 5)
