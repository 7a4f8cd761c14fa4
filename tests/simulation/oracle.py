"""What must never happen, judged from outside: by what hosts saw, by what was ordered, and by what Git said.

Asks the daemon nothing. Reads the store's values as they are, past everything that can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.core.gate.timetable import open_until
from reconciler.model.calendar import Window
from reconciler.model.delivery import Delivery, Reply
from reconciler.model.key import Key
from reconciler.model.plan import Change, Plan
from tests.fakes.machine import Machine
from tests.fakes.store import Kept
from tests.simulation.ports import Outages, StageBrake
from tests.simulation.stage import Stage

GRACE = timedelta(seconds=90)
"""In which a process that lives and reaches everything has to have seen what was ordered."""
BLIND = timedelta(minutes=10)
"""As long after Git could not be reached, it may not have been looked at again."""
DELETES = 4
"""The limit of deletes."""
TRIES = 8
"""Attempts at one thing in ten minutes: at once and after 2, 6, 18, 54, 162, 300 seconds."""
LUNCH = Window("lunch", "deny", "40 * * * *", timedelta(minutes=7))
NEVER = datetime.max.replace(tzinfo=UTC)
BASE, EDGE, HAND = (Key("file", f"/etc/{name}") for name in ("base", "edge", "hand"))


@dataclass
class Restraint:
    """Something that forbids changes to these services (none: all), since then; Git says it, or an operator."""

    why: str
    since: datetime
    services: frozenset[str] = frozenset()
    until: datetime = NEVER
    git: bool = False


@dataclass
class Commit:
    """A revision, and the hosts that it says something else of, by the first part of their names."""

    sha: str
    at: datetime
    hosts: frozenset[str]


@dataclass
class Pin:
    """What is to be in edge's file from then until then, whatever Git says."""

    content: bytes
    since: datetime
    until: datetime


@dataclass
class Visit:
    """One visit that changes something, as the host saw it."""

    process: str
    host: str
    run: int
    epoch: int
    begun: datetime
    results: dict[Key, str] = field(default_factory=dict)
    heard: bool = False


@dataclass
class Oracle:
    """`wrong` is what must not be, in words. `resumed` says when a process that was stopped went on. `untold` is what
    was changed on hosts when nobody could hear of it any more."""

    stage: Stage
    kept: Kept
    brake: StageBrake
    outages: Outages
    machine: Callable[[str], Machine]
    restraints: list[Restraint] = field(default_factory=list)
    resumed: dict[str, datetime] = field(default_factory=dict)
    windows: tuple[Window, ...] = (LUNCH,)
    commits: list[Commit] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    untold: set[tuple[str, Key]] = field(default_factory=set)
    visits: list[Visit] = field(default_factory=list)
    _there: dict[str, Visit] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)
    _steps: dict[tuple[int, str], datetime] = field(default_factory=dict)
    _written: dict[tuple[str, Key], str | None] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether a host is being changed."""
        return bool(self._there)

    def begin(self, process: str, delivery: Delivery) -> None:
        """A host is about to be changed."""
        host, now = delivery.host.name, self.stage.now
        keys = [work.key for work in delivery.payload.works]
        run = max((run.id for run in self.kept.runs.values() if run.epoch == delivery.epoch), default=0)
        visit = Visit(process, host, run, delivery.epoch, now)
        self.visits.append(visit)
        plan = self._plan(run)
        self._say(process in self.stage.dead, visit, "a dead process changes it")
        other = self._there.get(host)
        both = other is not None and other.process != process and self._in_force(other.epoch)
        self._say(both, visit, "another process is there")
        self._there[host] = visit
        self._say(self.brake.pause is not None, visit, "everything is paused")
        planned = {change.key: change for change in _changes(plan, host)} if plan else {}
        self._say(not set(keys) <= planned.keys(), visit, "that is not in the plan")
        self._say(HAND in keys, visit, "nobody said that service hand may be changed")
        if plan is not None:
            self._restrained(visit, plan)
            deletes = plan.summary.delete
            self._say(deletes > DELETES, visit, f"its plan deletes {deletes}, which is more than {DELETES}")
            step = self._step(visit, plan, set(keys))
            self._say(self._behind(visit, plan, step), visit, "Git has long said something else of it")

    def end(self, process: str, delivery: Delivery, heard: Reply, done: Reply) -> None:
        """A host was changed, or would not be; what is heard of it may be less than was done."""
        host = delivery.host.name
        visit = self._there.pop(host, None)
        if visit is None or visit.process != process:
            return
        visit.results = {outcome.key: outcome.result for outcome in done.outcomes}
        visit.heard = heard.status != "lost"
        # What began before another took over may come late: then the host has to refuse it.
        late = delivery.epoch < self._epochs.get(host, 0) and "changed" in visit.results.values()
        self._say(late, visit, "its epoch falls")
        self._epochs[host] = max(delivery.epoch, self._epochs.get(host, 0))
        plan = self._plan(visit.run)
        for change in _changes(plan, host) if plan else ():
            last = self._written.get((host, change.key))
            healed = change.key == BASE and visit.results.get(BASE) == "changed" and last == change.desired
            self._say(healed, visit, "only somebody's change is undone, which base does not want")
            if change.key == EDGE and visit.results.get(EDGE) == "changed":
                self._unpinned(visit)
            if visit.results.get(change.key) in ("changed", "ok"):
                # When nobody may have heard of it, nobody has to tell it from what Git asks for next.
                self._written[host, change.key] = change.desired if heard.status == "done" else None

    def killed(self, process: str) -> None:
        """What it was at may have been done or not."""
        for host, visit in list(self._there.items()):
            if visit.process == process:
                del self._there[host]
        self._written.clear()

    def lost(self) -> None:
        """Nobody may have heard what was done lately."""
        self._written.clear()

    def judge(self) -> None:
        """What can be said when everything is over."""
        effects = {(v.run, v.host, key) for v in self.visits for key, what in v.results.items() if what == "changed"}
        told = {
            (run.id, host, outcome.key)
            for run in self.kept.runs.values()
            for outcome in run.outcomes
            if outcome.result == "changed"
            for host in outcome.hosts
        }
        ended = {run.id for run in self.kept.runs.values() if run.status != "running"}
        silent = {(v.run, v.host) for v in self.visits if not v.heard}
        asked_again = {
            (run.id, host)
            for run in self.kept.runs.values()
            for each in (*run.outcomes, *run.host_outcomes)
            if run.status == "interrupted"
            for host in each.hosts
        }
        for run, host, key in sorted(told - effects, key=str):
            self.wrong.append(f"run {run} tells of a change of {key} on {host} that was none")
        for run, host, key in sorted(effects - told, key=str):
            # After a crash it is enough that the host was asked again, and that what was found there is told.
            if run in ended and (run, host) not in silent | asked_again:
                self.wrong.append(f"run {run} does not tell that it changed {key} on {host}")
        self.untold = {(host, key) for _, host, key in effects - told}
        self._impatient()

    def _impatient(self) -> None:
        """One thing is tried less and less often, whatever is restarted meanwhile."""
        tried: dict[tuple[str, str], list[datetime]] = {}
        for run in self.kept.runs.values():
            if run.status == "failed":
                for service in {step.service for step in self.kept.plans[run.plan].steps}:
                    tried.setdefault((run.revision, service), []).append(run.started_at)
        for (revision, service), times in tried.items():
            for i, start in enumerate(times):
                count = sum(at - start < timedelta(minutes=10) for at in times[i:])
                if count > TRIES:
                    self.wrong.append(f"{service} was tried {count} times in ten minutes at {revision[:7]}")
                    return

    def _unpinned(self, visit: Visit) -> None:
        content = self.machine(visit.host).paths[EDGE.name]["content"]
        for pin in self.pins:
            seen = self._seen(visit.process, pin.since, git=False)
            self._say(
                seen < visit.begun < pin.until and content != pin.content, visit, "edge is pinned to something else"
            )

    def _step(self, visit: Visit, plan: Plan, keys: set[Key]) -> datetime:
        """When the step was begun that gives these to the host: one that was begun is finished."""
        found = next(
            step.id
            for step in plan.steps
            for program, hosts in step.programs.items()
            if visit.host in hosts and keys == {change.key for change in plan.programs[program].changes}
        )
        return self._steps.setdefault((visit.run, found), visit.begun)

    def _behind(self, visit: Visit, plan: Plan, begun: datetime) -> bool:
        """Whether there was a later revision of the host, which the process had to know when it began the step."""
        later = []
        for commit in reversed(self.commits):
            if commit.sha == plan.revision:
                break
            later.append(commit)
        concerned = [commit.at for commit in later if visit.host.partition("-")[0] in commit.hosts]
        return any(self._seen(visit.process, at, git=True) < begun for at in concerned)

    def _restrained(self, visit: Visit, plan: Plan) -> None:
        services = {step.service for step in plan.steps if visit.host in step.hosts}
        for window in self.windows:
            end = open_until(window, visit.begun)
            if end and visit.begun > self._seen(visit.process, end - window.duration, git=False):
                self._say(True, visit, "a window denies it")
        for restraint in self.restraints:
            if restraint.services and not restraint.services & services:
                continue
            seen = self._seen(visit.process, restraint.since, git=restraint.git)
            self._say(seen < visit.begun < restraint.until, visit, restraint.why)

    def _seen(self, process: str, since: datetime, *, git: bool) -> datetime:
        """When a process has to know what is so since then."""
        store = [self.outages.since(what) for what in ("store", f"store of {process}")]
        moments = [since, *store, self.resumed.get(process, since)]
        if git:
            moments.append(self.outages.since("git") + BLIND)
        return max(moments) + GRACE * (2 if git else 1)

    def _in_force(self, epoch: int) -> bool:
        now = self.stage.now
        ours = [lease for lease in self.kept.leases.values() if lease.epoch == epoch]
        return any(lease.expires_at is None or lease.expires_at > now for lease in ours)

    def _plan(self, run: int) -> Plan | None:
        found = self.kept.runs.get(run)
        return self.kept.plans[found.plan] if found else None

    def _say(self, wrong: bool, visit: Visit, why: str) -> None:
        if wrong:
            at = f"{visit.begun:%d %H:%M:%S}"
            self.wrong.append(f"{at} {visit.process} changes {visit.host} in run {visit.run}, though {why}")


def _changes(plan: Plan, host: str) -> list[Change]:
    return [
        change
        for step in plan.steps
        for program, hosts in step.programs.items()
        if host in hosts
        for change in plan.programs[program].changes
    ]
