"""Approvals of plans in rows and back, and plans that are kept so that they can be approved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from reconciler.adapters.store.content import pack
from reconciler.adapters.store.dialect import upsert
from reconciler.adapters.store.tables import approval, plan
from reconciler.core.planning.plan_json import plan_bytes
from reconciler.model.approval import Approval
from reconciler.model.plan import Plan

MOST = 10
"""Digests that are given for a beginning that fits many."""


def keep(connection: Connection, planned: Plan, at: datetime) -> None:
    """Raises ValueError for a plan that is not sealed."""
    row = {"digest": planned.digest, **pack(plan_bytes(planned)), "kept_at": at}
    connection.execute(upsert(connection, plan), row)


def like(connection: Connection, prefix: str) -> list[str]:
    """Digests of plans that begin so, sorted."""
    fitting = plan.c.digest.startswith(prefix, autoescape=True)
    return list(connection.execute(select(plan.c.digest).where(fitting).order_by(plan.c.digest).limit(MOST)).scalars())


def add(connection: Connection, given: Approval) -> None:
    """Raises ValueError for a plan that is not in the store."""
    if connection.execute(select(plan.c.digest).where(plan.c.digest == given.plan)).first() is None:
        raise ValueError(f"plan {given.plan} is not in this store")
    row = {
        "plan": given.plan,
        "actor": given.actor,
        "reason": given.reason,
        "at": given.at,
        "until": given.until,
    }
    connection.execute(insert(approval), row)


def of_plan(connection: Connection, digest: str) -> list[Approval]:
    """Those for a plan, oldest first."""
    rows = connection.execute(select(approval).where(approval.c.plan == digest).order_by(approval.c.id))
    return [_approval(row) for row in rows]


def _approval(row: Row[Any]) -> Approval:
    return Approval(plan=row.plan, actor=row.actor, reason=row.reason, at=row.at, until=row.until)
