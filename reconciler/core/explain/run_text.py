"""A run for people: what changed, what failed by root cause, what was skipped for it, and how to go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.core.explain.markdown import cell
from reconciler.core.running.progress import Results
from reconciler.core.words import Line, Style, counted, names, printable, where
from reconciler.model.event import RunRecovered
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Run, RunOutcome

_TITLES = {
    "failed": "Failed",
    "stale": "Stale: not as planned any more, nothing was done there",
    "refused": "Refused by the host",
    "unreachable": "Could not be reached",
    "lost": "Contact lost: what was done is not known, observe again",
    "unhealthy": "Not healthy after the change",
    "not rolled back": "Not rolled back",
    "skipped": "Skipped",
}


_GO_ON = {
    "halted": "Go on: commit a remedy and apply that, or try this revision once more: reconciler apply --again",
    "interrupted": "Go on: reconciler apply (goes on with its plan where it was)",
    "": "Go on: reconciler apply (makes a new plan for what is left)",
}


def run_text(run: Run) -> Iterator[Line]:
    """The run, failures first by cause, the summary last."""
    for status, title in _TITLES.items():
        failed = alike(o for o in run.outcomes if o.result == status == "failed")
        rows = [o for o in run.host_outcomes if o.status == status and not _told(o, run)]
        if not (rows or failed):
            continue
        yield Line(title, "delete" if status == "failed" else "warn")
        for outcome in failed:
            yield from _failed(outcome)
        for row in rows:
            yield Line(f"  {row.service} on {where(row.hosts)}: {_reason(row)}")
        yield Line("")
    yield Line(_summary(run), "bold")
    if run.status != "succeeded":
        yield Line(_GO_ON.get(run.status, _GO_ON[""]), "bold")


def alike(outcomes: Iterable[RunOutcome]) -> list[RunOutcome]:
    """Outcomes with those of different programs put together where people see no difference."""
    hosts: dict[RunOutcome, set[str]] = {}
    for outcome in outcomes:
        hosts.setdefault(replace(outcome, program="", hosts=()), set()).update(outcome.hosts)
    return [replace(outcome, hosts=tuple(sorted(members))) for outcome, members in hosts.items()]


def _told(row: HostOutcome, run: Run) -> bool:
    """Whether failures of single resources tell already why the step failed on these hosts."""
    if row.status != "failed":
        return False
    told = {host for o in run.outcomes if o.step == row.step and o.result == "failed" for host in o.hosts}
    return told.issuperset(row.hosts)


def _failed(outcome: RunOutcome) -> Iterator[Line]:
    what = f"{outcome.action} of {printable(str(outcome.key))}"
    yield Line(f"  {outcome.service}: {what} on {where(outcome.hosts)}")
    for line in outcome.message.splitlines()[:8]:
        yield Line(f"      {printable(line)}", "dim")


def _reason(row: HostOutcome) -> str:
    return printable(row.reason) or row.status


def counts(run: Run) -> dict[str, int]:
    """Resources on hosts that were created, updated, deleted, restarted, failed or skipped."""
    total = {"created": 0, "updated": 0, "deleted": 0, "restarted": 0, "failed": 0, "skipped": 0}
    done = {
        "create": "created",
        "update": "updated",
        "delete": "deleted",
        "restart": "restarted",
        "reload": "restarted",
    }
    for outcome in run.outcomes:
        if outcome.result in ("changed", "ok"):
            total[done[outcome.action]] += len(outcome.hosts)
        elif outcome.result in total:
            total[outcome.result] += len(outcome.hosts)
    return total


def _summary(run: Run) -> str:
    total = counts(run)
    parts = [f"{total[name]:,} {name}" for name in ("created", "updated", "deleted")]
    parts += [f"{total[name]:,} {name}" for name in ("restarted", "failed", "skipped") if total[name]]
    hosts = {host for o in run.outcomes if o.result in ("changed", "ok") for host in o.hosts}
    back = f" (takes back a part of run {run.undoes})" if run.undoes else ""
    return f"Run {run.id}{back} {run.status}: {', '.join(parts)} on {counted(len(hosts), 'host')}."


def recovered_line(event: RunRecovered) -> str:
    """What became of a run whose process died: `run 12 (begun 10:02 UTC) was interrupted; …`."""
    head = f"run {event.run} (begun {event.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC) was interrupted"
    if not event.asked:
        return f"{head}; no host is in doubt"
    counts = [(event.done, "done"), (event.untouched, "as before"), (event.unclear, "unclear: the next plan tells")]
    said = ", ".join(f"{count:,} {words}" for count, words in counts if count)
    were = "was" if event.asked == 1 else "were"
    return f"{head}; {counted(event.asked, 'host')} {were} asked again: {said}"


def resumed_line(plan: Plan, earlier: Results) -> str:
    """What is said before a plan that goes on: `Going on with plan 1a2b3c4d where it was interrupted: …`."""
    hosts = sum(len(step.hosts) for step in plan.steps)
    head = f"Going on with plan {plan.digest[:8]} where it was interrupted"
    return f"{head}: {len(earlier):,} of {counted(hosts, 'visit')} to hosts are over"


def runs_text(runs: Sequence[Run]) -> Iterator[Line]:
    """A line for each run."""
    if not runs:
        yield Line("Nothing was applied yet.")
        return
    yield Line(f"{'run':>6}  {'started (UTC)':<16}  {'status':<11}  {'revision':<8}  {'plan':<8}  by", "bold")
    for run in runs:
        style: Style = "" if run.status == "succeeded" else "warn"
        yield Line(
            f"{run.id:>6}  {run.started_at:%Y-%m-%d %H:%M}  {run.status:<11}  {run.revision[:7]:<8}  {run.plan[:8]}  "
            f"{printable(run.actor)}",
            style,
        )


def run_details(run: Run) -> Iterator[Line]:
    """Everything that a run did, then its summary."""
    yield Line(f"Run {run.id} of plan {run.plan[:8]} at revision {run.revision[:7]}, by {printable(run.actor)}", "bold")
    yield Line(f"{run.started_at:%Y-%m-%d %H:%M} UTC, {_took(run)}", "dim")
    for outcome in alike(run.outcomes):
        what = f"{outcome.result:<8} {outcome.action:<8} {printable(str(outcome.key))}"
        yield Line(f"  {what} on {where(outcome.hosts)}", "warn" if outcome.result == "failed" else "")
    if run.outcomes:
        yield Line("")
    yield from run_text(run)


def _took(run: Run) -> str:
    if run.finished_at is None:
        return "no end on record"
    seconds = int((run.finished_at - run.started_at).total_seconds())
    return f"took {seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"took {seconds} s"


def run_markdown(run: Run) -> Iterator[str]:
    """The run as Markdown."""
    yield f"**{_summary(run)}**"
    yield ""
    for outcome in alike(o for o in run.outcomes if o.result == "failed"):
        yield f"- failed: {cell(str(outcome.key))} on {cell(names(outcome.hosts))}: {cell(outcome.message[:500])}"
    for row in (o for o in run.host_outcomes if not _told(o, run)):
        yield f"- {row.status}: {cell(row.service)} on {cell(names(row.hosts))}: {cell(_reason(row))}"


def run_document(run: Run, undone_by: Sequence[Run] = ()) -> dict[str, Any]:
    """The run as one JSON document; `undone_by` are runs that took a part of it back."""
    return {
        "format_version": 1,
        **_head(run),
        "undone_by": [each.id for each in undone_by],
        "counts": counts(run),
        "outcomes": [
            {
                "step": o.step,
                "program": o.program,
                "service": o.service,
                "kind": o.key.kind,
                "name": o.key.name,
                "action": o.action,
                "result": o.result,
                "message": o.message,
                "hosts": list(o.hosts),
            }
            for o in run.outcomes
        ],
        "hosts": [
            {"step": o.step, "service": o.service, "status": o.status, "reason": o.reason, "hosts": list(o.hosts)}
            for o in run.host_outcomes
        ],
    }


def runs_markdown(runs: Sequence[Run]) -> Iterator[str]:
    """Runs as a table."""
    yield "| run | started (UTC) | status | revision | plan | by |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for run in runs:
        when = f"{run.started_at:%Y-%m-%d %H:%M}"
        yield f"| {run.id} | {when} | {run.status} | `{run.revision[:7]}` | `{run.plan[:8]}` | {cell(run.actor)} |"


def runs_document(runs: Sequence[Run]) -> dict[str, Any]:
    """Runs as one JSON document."""
    return {"format_version": 1, "runs": [_head(run) for run in runs]}


def idle_document(plan: Plan) -> dict[str, Any]:
    """What stands for the run of a plan that has no changes: as a run's document, without a run."""
    run = Run(0, plan.digest, plan.revision, "", datetime.min.replace(tzinfo=UTC), status="succeeded")
    nobody = {"run": None, "actor": None, "started_at": None, "finished_at": None}
    return {**run_document(run), **nobody}


def _head(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "plan": run.plan,
        "revision": run.revision,
        "actor": run.actor,
        "status": run.status,
        "undoes": run.undoes,
        "started_at": run.started_at.isoformat().replace("+00:00", "Z"),
        "finished_at": run.finished_at.isoformat().replace("+00:00", "Z") if run.finished_at else None,
    }
