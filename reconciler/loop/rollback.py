"""Brings the hosts of a batch back to the last revision at which they were in order: a plan and a run of its own.

The plan is made, judged by the gate and applied like any other. What can't be brought back is told in the run that
failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.core.planning.plan import Only
from reconciler.core.planning.undo import STAYS
from reconciler.core.words import names
from reconciler.loop.leased import LeaseOver
from reconciler.loop.world import World
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Step
from reconciler.model.rollout import Terms
from reconciler.model.run import HostOutcome, Run

_TOUCHED = frozenset({"done", "failed", "lost", "unhealthy"})

Back = Callable[[str, Only], str]
"""Goes back to a revision on some hosts of a service; answers why that could not be done, or nothing."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A batch that failed in a run, and what became of its hosts."""

    run: Run
    step: Step
    fates: Mapping[tuple[str, str], str]

    @property
    def touched(self) -> list[str]:
        """The hosts on which something may have changed."""
        return [host for host in self.step.hosts if self.fates.get((self.step.id, host)) in _TOUCHED]


def roll_back(world: World, failed: Failed, terms: Terms, back: Back) -> None:
    """Brings every host that the batch touched back, those with the same last good revision together."""
    step, together = failed.step, dict[str, list[str]]()
    good = {host: revision for revision, hosts in terms.good.items() for host in hosts}
    for host in failed.touched:
        together.setdefault(good.get(host, ""), []).append(host)
    for revision, hosts in sorted(together.items()):
        if revision:
            why = _tried(back, revision, Only(step.service, frozenset(hosts)))
        else:
            why = f"there is nothing to go back to: {step.service} was never in order on {names(hosts)}"
        if why:
            left = HostOutcome(step.id, step.service, STAYS, why, tuple(hosts))
            world.store.record(failed.run, [], [left], [], [])


def _tried(back: Back, revision: str, only: Only) -> str:
    """Whatever hinders it must not hide the run that failed. A lease that is over ends both."""
    try:
        return back(revision, only)
    except LeaseOver:
        raise
    except ReconcilerError as error:
        return error.message
