"""Approvals of plans, since when plans are kept for them, and which run takes a part of another back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["plan"], ["plan.digest"], name="fk_approval_plan_plan"),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    op.create_index("ix_approval_plan", "approval", ["plan"])
    op.add_column("plan", sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("undoes", _COUNTER, nullable=True))
    op.create_index("ix_run_undoes", "run", ["undoes"])
