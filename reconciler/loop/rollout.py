"""Drives the rollouts of one run: what may go next, how batches are after they were done, what has to go back.

The judging is done by `core.progress`, `core.budget` and `core.watch`; here is what asks them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.resolving.checks import Checks
from reconciler.core.running.budget import Budget
from reconciler.core.running.progress import Admission, Fate, Progress, Results
from reconciler.loop.desire import Read
from reconciler.loop.health import Nurse
from reconciler.loop.world import World
from reconciler.model.event import HealthFinished, HealthStarted, RolloutHalted
from reconciler.model.plan import Plan, Step


@dataclass(slots=True)
class Rollouts:
    """One run's. `results` is what became of each (step, host) so far, also in earlier runs of the plan that were
    interrupted; `undo` are batches that have to go back."""

    world: World
    plan: Plan
    budget: Budget
    progress: Progress
    nurse: Nurse
    results: dict[tuple[str, str], Fate]
    undo: list[Step] = field(default_factory=list)
    _place: dict[str, int] = field(default_factory=dict)
    _reached: dict[str, int] = field(default_factory=dict)
    _said: dict[str, None] = field(default_factory=dict)
    _why: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, plan: Plan, read: Read, earlier: Results) -> Rollouts:
        """Those of a run that begins, or that goes on after what is known from earlier ones."""
        budget = Budget.of(plan, world.caution)
        results: dict[tuple[str, str], Fate] = {}
        nurse = Nurse(world, plan, read.desired.hosts, Checks(plan.rollouts, read.linked))
        progress = Progress(plan, read.desired.services, results, budget.halted)
        made = cls(world, plan, budget, progress, nurse, results)
        for position, step in enumerate(plan.steps):
            made._place[step.id] = position
            for host in step.hosts:
                if (step.id, host) in earlier:
                    made.note(step, earlier[step.id, host], {host: ""})
                    made._reached[step.service] = position
        return made

    def admit(self, step: Step) -> Admission:
        """The step's hosts that may go, and those that may not; without those that are through already."""
        admission = self.progress.admit(step)
        if not self.begun(step):
            return admission
        through = {host for host in step.hosts if (step.id, host) in self.results}
        go = tuple(host for host in admission.go if host not in through)
        return Admission(go, {host: why for host, why in admission.skip.items() if host not in through})

    def begun(self, step: Step) -> bool:
        """Whether an earlier run came as far as to this step of its service."""
        return self._place[step.id] <= self._reached.get(step.service, -1)

    def passed(self, step: Step) -> bool:
        """Whether an earlier run came farther: the step was judged then, and was nothing to stop for."""
        return self._place[step.id] < self._reached.get(step.service, -1)

    def stopped(self, step: Step) -> str:
        """Why nothing more of the step's service is begun; empty: it goes on."""
        return self.budget.stopped(step.service)

    def waves(self, step: Step, hosts: Sequence[str]) -> Iterator[Sequence[str]]:
        """The hosts that may be under way at the same time."""
        terms = self.plan.rollouts.get(step.service)
        width = (terms.at_once if terms else 0) or max(1, len(hosts))
        return (hosts[start : start + width] for start in range(0, len(hosts), width))

    def note(self, step: Step, fate: Fate, reasons: Mapping[str, str]) -> None:
        """Takes in what became of hosts, each with why."""
        for host, reason in reasons.items():
            self.results[step.id, host] = fate
            self._why[host] = reason
            self.budget.count(step.service, host, fate)

    def finish(self, step: Step, stopping: Callable[[], bool]) -> dict[str, str]:
        """Ends a step: looks after its hosts, judges it. The hosts that are not healthy, with why."""
        done = [host for host in step.hosts if self.results.get((step.id, host)) == "done"]
        terms = self.plan.rollouts.get(step.service)
        watched = terms is not None and bool(terms.health or terms.bake) and bool(done) and not stopping()
        unhealthy: dict[str, str] = {}
        if watched and terms is not None:
            self.world.tell(HealthStarted(step.id, step.service, len(done), terms.bake))
            unhealthy = self.nurse.look_after(step, done, stopping)
            self.note(step, "unhealthy", unhealthy)
            self.world.tell(HealthFinished(step.id, step.service, len(unhealthy)))
        if not stopping():
            fates = {host: self.results[step.id, host] for host in step.hosts}
            self.budget.judge(step, fates, self._why)
        self._halted(step)
        return unhealthy

    def note_halted(self, step: Step) -> None:
        """A service that had to stop before the process died still has to go back."""
        if self.begun(step) and not self.passed(step):
            self._halted(step)

    def _halted(self, step: Step) -> None:
        why = self.budget.stopped(step.service)
        if not why or step.service in self._said:
            return
        self._said.setdefault(step.service)
        self.world.tell(RolloutHalted(step.service, why))
        terms = self.plan.rollouts.get(step.service)
        if terms is not None and terms.on_failure == "rollback":
            self.undo.append(step)

    @property
    def halted(self) -> bool:
        """Whether a budget, a batch's health or the breaker stopped anything."""
        return bool(self.budget.halted or self.budget.open)
