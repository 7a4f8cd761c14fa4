"""Runs, their plans and outcomes in rows and back. An outcome is one row for all the hosts that had it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, insert, select, update

from reconciler.adapters.store import approvals
from reconciler.adapters.store.content import Contents, unpack
from reconciler.adapters.store.tables import content, host_outcome, outcome, plan, run
from reconciler.model.key import Key
from reconciler.model.plan import Plan
from reconciler.model.run import HostOutcome, Run, RunOutcome, RunStatus


def begin(connection: Connection, planned: Plan, actor: str, at: datetime, undoes: int | None) -> Run:
    """A new run of a sealed plan. Raises ValueError for one that is not."""
    approvals.keep(connection, planned)
    row = {
        "plan": planned.digest,
        "revision": planned.revision,
        "actor": actor,
        "started_at": at,
        "status": "running",
        "undoes": undoes,
    }
    number = connection.execute(insert(run).returning(run.c.id), row).scalar_one()
    return Run(number, planned.digest, planned.revision, actor, at, undoes=undoes)


def end(connection: Connection, run_id: int, status: RunStatus, at: datetime) -> None:
    """Raises ValueError for a run that is not in the store."""
    done = connection.execute(update(run).where(run.c.id == run_id).values(status=status, finished_at=at))
    if done.rowcount != 1:
        raise _unknown(run_id)


def check(connection: Connection, run_id: int) -> None:
    """Raises ValueError for a run that is not in the store."""
    if connection.execute(select(run.c.id).where(run.c.id == run_id)).first() is None:
        raise _unknown(run_id)


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


def save(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows whose contents are there."""
    if rows:
        connection.execute(insert(table), rows)


def newest(connection: Connection, limit: int) -> list[Run]:
    """The newest runs first, without their outcomes."""
    return [_run(row) for row in connection.execute(select(run).order_by(run.c.id.desc()).limit(limit))]


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


def plan_of(connection: Connection, digest: str) -> bytes | None:
    """A stored plan's document."""
    row = connection.execute(select(plan.c.packed, plan.c.data).where(plan.c.digest == digest)).first()
    return None if row is None else unpack(row.packed, row.data)


def _with_hosts(connection: Connection, table: Table, run_id: int) -> list[Row[Any]]:
    joined = table.join(content, table.c.hosts == content.c.digest)
    columns = (*(c for c in table.columns if c.name != "hosts"), content.c.packed, content.c.data)
    statement = select(*columns).select_from(joined).where(table.c.run == run_id).order_by(table.c.id)
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


def _unknown(run_id: int) -> ValueError:
    return ValueError(f"run {run_id} is not in this store")
