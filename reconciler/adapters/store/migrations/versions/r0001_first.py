"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table("identity", sa.Column("id", sa.String(32), nullable=False), _key("identity", "id"))
    op.create_table(
        "content",
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("packed", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _key("content", "digest"),
    )
    op.create_index("ix_content_kind", "content", ["kind"])
    _hosts()
    _runs()
    _outcomes()


def _hosts() -> None:
    op.create_table(
        "observation",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("observed_at", _MOMENT),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("unreachable", sa.Text(), nullable=False),
        sa.Column("facts", sa.String(32), nullable=False),
        sa.Column("since", sa.String(32)),
        _key("observation", "host"),
        _reference("observation", "facts", "content.digest"),
        _reference("observation", "since", "content.digest"),
    )
    op.create_index("ix_observation_facts", "observation", ["facts"])
    op.create_index("ix_observation_since", "observation", ["since"])
    op.create_table(
        "ownership",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("owned", sa.String(32), nullable=False),
        _key("ownership", "host"),
        _reference("ownership", "owned", "content.digest"),
    )
    op.create_index("ix_ownership_owned", "ownership", ["owned"])


def _runs() -> None:
    op.create_table(
        "plan",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("packed", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _key("plan", "digest"),
    )
    op.create_table(
        "run",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.Column("status", sa.String(16), nullable=False),
        _key("run", "id"),
        _reference("run", "plan", "plan.digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_plan", "run", ["plan"])


def _outcomes() -> None:
    op.create_table(
        "outcome",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("run", _COUNTER, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("hosts", sa.String(32), nullable=False),
        _key("outcome", "id"),
        _reference("outcome", "run", "run.id"),
        _reference("outcome", "hosts", "content.digest"),
    )
    op.create_index("ix_outcome_run", "outcome", ["run"])
    op.create_index("ix_outcome_hosts", "outcome", ["hosts"])
    op.create_table(
        "host_outcome",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("run", _COUNTER, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hosts", sa.String(32), nullable=False),
        _key("host_outcome", "id"),
        _reference("host_outcome", "run", "run.id"),
        _reference("host_outcome", "hosts", "content.digest"),
    )
    op.create_index("ix_host_outcome_run", "host_outcome", ["run"])
    op.create_index("ix_host_outcome_hosts", "host_outcome", ["hosts"])


def _key(table: str, column: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=f"pk_{table}")


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}_{target.partition('.')[0]}")
