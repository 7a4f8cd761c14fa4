"""Runs, their plans and outcomes in rows and back. An outcome is one row for all the hosts that had it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Table, delete, false, func, insert, not_, select, union, update

from reconciler.adapters.store import approvals, leases
from reconciler.adapters.store.content import Contents, unpack
from reconciler.adapters.store.tables import approval, content, host_outcome, intent, outcome, plan, run
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Intent, Run, RunOutcome, RunStatus


def begin(connection: Connection, planned: Plan, new: Run) -> Run:
    """A new run of a sealed plan, with its number. Raises ValueError for one that is not, Stalled when the lease of its
    epoch is over."""
    leases.check(connection, new.epoch)
    approvals.keep(connection, planned, new.started_at)
    names = ("plan", "revision", "actor", "started_at", "status", "epoch", "undoes")
    row = {name: getattr(new, name) for name in names}
    number = connection.execute(insert(run).returning(run.c.id), row).scalar_one()
    return replace(new, id=number)


def end(connection: Connection, ended: Run, status: RunStatus, at: datetime) -> None:
    """Raises as `check`."""
    check(connection, ended)
    connection.execute(update(run).where(run.c.id == ended.id).values(status=status, finished_at=at))


def check(connection: Connection, known: Run) -> None:
    """Raises ValueError for a run that is not in the store, Stalled for one that another has taken over.

    It can't be taken over until the transaction ends.
    """
    row = connection.execute(select(run.c.epoch).where(run.c.id == known.id).with_for_update()).first()
    if row is None:
        raise ValueError(f"run {known.id} is not in this store")
    if row.epoch != known.epoch:
        raise Stalled(
            f"run {known.id} was taken over by another process (epoch {row.epoch}, ours is {known.epoch})",
            f"look at it: `reconciler runs show {known.id}`",
        )


def take_over(connection: Connection, left: Run, epoch: int) -> Run:
    """The run under a new epoch. Its former holder can't write to it any more."""
    leases.check(connection, epoch)
    check(connection, left)
    connection.execute(update(run).where(run.c.id == left.id).values(epoch=epoch))
    return replace(left, epoch=epoch)


def intend(connection: Connection, known: Run, step: str, hosts: str) -> None:
    """Notes that hosts (a content) are about to be given their programs of a step."""
    leases.check(connection, known.epoch)
    check(connection, known)
    connection.execute(insert(intent), {"run": known.id, "step": step, "epoch": known.epoch, "hosts": hosts})


def intents(connection: Connection, run_id: int) -> list[Intent]:
    """What was about to be done, in order."""
    return [Intent(row.step, row.epoch, _hosts(row)) for row in _with_hosts(connection, intent, run_id)]


def unfinished(connection: Connection) -> list[Run]:
    """Runs without an end, the oldest first, without their outcomes."""
    rows = connection.execute(select(run).where(run.c.status == "running").order_by(run.c.id))
    return [_run(row) for row in rows]


def outcome_rows(run_id: int, outcomes: Sequence[RunOutcome], contents: Contents) -> list[dict[str, Any]]:
    """The rows of outcomes, with their host sets added to `contents`."""
    return [
        {
            "run": run_id,
            "step": each.step,
            "program": each.program,
            "service": each.service,
            "kind": each.key.kind,
            "name": each.key.name,
            "action": each.action,
            "result": each.result,
            "message": each.message,
            "hosts": contents.add("hosts", each.hosts),
        }
        for each in outcomes
    ]


def host_outcome_rows(run_id: int, outcomes: Sequence[HostOutcome], contents: Contents) -> list[dict[str, Any]]:
    """As `outcome_rows`, for steps that did not go through."""
    return [
        {
            "run": run_id,
            "step": each.step,
            "service": each.service,
            "status": each.status,
            "reason": each.reason,
            "hosts": contents.add("hosts", each.hosts),
        }
        for each in outcomes
    ]


def forget(connection: Connection, before: datetime) -> int:
    """Deletes runs that began before, with their outcomes, approvals that ended before, and plans that were kept before
    and that nothing is left of; how many runs.

    Runs without an end are kept, and whatever is newer.
    """
    old = select(run.c.id).where(run.c.started_at < before, run.c.status != "running")
    for table in (outcome, host_outcome, intent):
        connection.execute(delete(table).where(table.c.run.in_(old)))
    gone = connection.execute(delete(run).where(run.c.started_at < before, run.c.status != "running")).rowcount
    connection.execute(delete(approval).where(approval.c.until < before))
    needed = union(select(run.c.plan), select(approval.c.plan))
    lately = func.coalesce(plan.c.kept_at >= before, false())
    connection.execute(delete(plan).where(plan.c.digest.not_in(needed), not_(lately)))
    return gone


def save(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows whose contents are there."""
    if rows:
        connection.execute(insert(table), rows)


def newest(connection: Connection, limit: int) -> list[Run]:
    """The newest runs first, without their outcomes."""
    return [_run(row) for row in connection.execute(select(run).order_by(run.c.id.desc()).limit(limit))]


def last_of(connection: Connection, revision: str) -> dict[str, Run]:
    """The last run of each service at a revision, without outcomes."""
    at = (run.c.revision == revision) & run.c.undoes.is_(None)
    each = [select(t.c.service, t.c.run).join(run, run.c.id == t.c.run).where(at) for t in (outcome, host_outcome)]
    served = union(*each).subquery()
    last = select(served.c.service, func.max(served.c.run).label("run")).group_by(served.c.service).subquery()
    rows = connection.execute(select(last.c.service, run).join(run, run.c.id == last.c.run))
    return {row.service: _run(row) for row in rows}


def of_plan(connection: Connection, digest: str) -> list[Run]:
    """The runs of a plan, the newest first, without their outcomes."""
    rows = connection.execute(select(run).where(run.c.plan == digest).order_by(run.c.id.desc()))
    return [_run(row) for row in rows]


def undoing(connection: Connection, run_id: int) -> list[Run]:
    """The runs that took a part of this one back, oldest first, without their outcomes."""
    return [_run(row) for row in connection.execute(select(run).where(run.c.undoes == run_id).order_by(run.c.id))]


def one(connection: Connection, run_id: int) -> Run | None:
    """A run with its outcomes, in the order in which they were recorded."""
    row = connection.execute(select(run).where(run.c.id == run_id)).first()
    if row is None:
        return None
    outcomes = tuple(_outcome(row) for row in _with_hosts(connection, outcome, run_id))
    missed = tuple(_host_outcome(row) for row in _with_hosts(connection, host_outcome, run_id))
    return _run(row, outcomes, missed)


def changed_by(connection: Connection, run_id: int) -> list[RunOutcome]:
    """The outcomes of a run that changed something."""
    return [_outcome(row) for row in _with_hosts(connection, outcome, run_id, outcome.c.result == "changed")]


def plan_of(connection: Connection, digest: str) -> bytes | None:
    """A stored plan's document."""
    row = connection.execute(select(plan.c.packed, plan.c.data).where(plan.c.digest == digest)).first()
    return None if row is None else unpack(row.packed, row.data)


def _with_hosts(connection: Connection, table: Table, run_id: int, *only: ColumnElement[bool]) -> list[Row[Any]]:
    joined = table.join(content, table.c.hosts == content.c.digest)
    columns = (*(c for c in table.columns if c.name != "hosts"), content.c.packed, content.c.data)
    statement = select(*columns).select_from(joined).where(table.c.run == run_id, *only).order_by(table.c.id)
    return list(connection.execute(statement))


def _run(row: Row[Any], outcomes: tuple[RunOutcome, ...] = (), host_outcomes: tuple[HostOutcome, ...] = ()) -> Run:
    return Run(
        id=row.id,
        plan=row.plan,
        revision=row.revision,
        actor=row.actor,
        started_at=row.started_at,
        finished_at=row.finished_at,
        status=row.status,
        outcomes=outcomes,
        host_outcomes=host_outcomes,
        epoch=row.epoch,
        undoes=row.undoes,
    )


def _outcome(row: Row[Any]) -> RunOutcome:
    key = Key(row.kind, row.name)
    head = (row.step, row.program, row.service, key, row.action, row.result, row.message)
    return RunOutcome(*head, hosts=_hosts(row))


def _host_outcome(row: Row[Any]) -> HostOutcome:
    return HostOutcome(row.step, row.service, row.status, row.reason, _hosts(row))


def _hosts(row: Row[Any]) -> tuple[str, ...]:
    return tuple(orjson.loads(unpack(row.packed, row.data)))
