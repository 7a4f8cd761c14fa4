"""Counts the failures of a run against each rollout's budget and the plan's breaker, and judges finished batches.

Pure: told what became of hosts, answers whether a service may go on, with the reason if not. Knows nothing of how
hosts are visited or looked after.

A host fails when its program failed, when it was lost on the way, when it refused us, or when it is not healthy
afterwards. One that is stale or can't be reached counts as nothing: nothing was done there, and the next plan has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.planning.batch import Caution
from reconciler.core.quote import listing
from reconciler.core.running.progress import Fate
from reconciler.model.plan import Plan, Step
from reconciler.model.rollout import Terms

FAILURES: frozenset[Fate] = frozenset({"failed", "refused", "lost", "unhealthy"})


@dataclass(slots=True)
class Budget:
    """What is left of the budgets of one run. `halted` are services that are stopped, with why.

    Every failure is counted once for each service and host, however often it is told.
    """

    rollouts: Mapping[str, Terms]
    bearable: int
    halted: dict[str, str] = field(default_factory=dict)
    open: str = ""
    _failed: dict[str, dict[str, None]] = field(default_factory=dict)
    _hosts: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, caution: Caution) -> Budget:
        return cls(plan.rollouts, caution.bearable(plan.summary.hosts))

    def count(self, service: str, host: str, fate: Fate) -> None:
        """Takes in what became of a host. May halt its service, or open the breaker, which halts all of them."""
        if fate not in FAILURES:
            return
        failed = self._failed.setdefault(service, {})
        failed.setdefault(host)
        self._hosts.setdefault(host)
        terms = self.rollouts.get(service)
        if terms is not None and len(failed) > terms.budget:
            why = f"{_failures(failed)}, and {_bearable(terms.budget)} (maxFailures)"
            self.halted.setdefault(service, f"{service} was stopped: {why}")
        if len(self._hosts) > self.bearable and not self.open:
            why = f"{_failures(self._hosts)}, and {_bearable(self.bearable)} (limits.breaker_share)"
            self.open = f"the breaker stopped the run: {why}"

    def stopped(self, service: str) -> str:
        """Why nothing more of a service is begun; empty: it goes on."""
        return self.halted.get(service) or self.open

    def judge(self, step: Step, fates: Mapping[str, Fate], why: Mapping[str, str]) -> None:
        """Halts the service when a finished batch is nothing to go on from: no host of it is well although some were
        tried; or it is the canary, and not every host of it that was tried is well, or none was.

        `fates` are of all hosts of the step, after their health was looked at; `why` says more of those that failed.
        """
        well = [host for host, fate in fates.items() if fate == "done"]
        bad = sorted(host for host, fate in fates.items() if fate in FAILURES)
        canary = step.batch is not None and step.batch.canary
        if step.service in self.halted or not (step.service in self.rollouts or canary):
            return
        if (bad and (canary or not well)) or (canary and not well):
            first = (bad or sorted(fates))[0]
            said = f": {why[first]}" if why.get(first) else ""
            problem = f"{first} {_words(fates[first])}{said}"
            self.halted[step.service] = f"{step.service} was stopped after {_place(step)}: {problem}"


def _failures(failed: Mapping[str, None]) -> str:
    count = "1 host" if len(failed) == 1 else f"{len(failed):,} hosts"
    names = list(failed)
    return f"{count} failed ({listing(names[:3])}{', …' if len(names) > 3 else ''})"


def _bearable(count: int) -> str:
    return f"{count:,} may" if count else "none may"


def _words(fate: Fate) -> str:
    words = {"stale": "became stale", "unreachable": "can't be reached", "unhealthy": "is not healthy"}
    return words.get(fate, "failed" if fate == "failed" else f"was {fate}")


def _place(step: Step) -> str:
    if step.batch is None:
        return "its only batch"
    canary = ", its canary" if step.batch.canary else ""
    return f"batch {step.batch.number} of {step.batch.of}{canary}"
