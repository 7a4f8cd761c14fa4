"""What a daemon remembers: orders of operators, attempts, ticks and webhooks that were seen; runs by revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operator_order",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("revision", sa.String(64), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("ended_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_operator_order"),
    )
    op.create_index("ix_operator_order_kind", "operator_order", ["kind"])
    op.create_table(
        "attempt",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("revision", sa.String(64), nullable=False),
        sa.Column("due", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("service", name="pk_attempt"),
    )
    op.create_table(
        "tick",
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.Column("fire_time", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("schedule", "fire_time", name="pk_tick"),
    )
    op.create_index("ix_tick_fire_time", "tick", ["fire_time"])
    op.create_table(
        "webhook_delivery",
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name="pk_webhook_delivery"),
    )
    op.create_index("ix_webhook_delivery_at", "webhook_delivery", ["at"])
    op.create_index("ix_run_revision", "run", ["revision"])
