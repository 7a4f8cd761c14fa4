"""Drift that is remembered: since when, until when, and what ended it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "episode",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT),
        sa.Column("ended", sa.String(16)),
        sa.Column("run", _COUNTER),
        sa.Column("manner", sa.String(32), nullable=False),
        sa.Column("hosts", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_episode"),
        sa.ForeignKeyConstraint(["manner"], ["content.digest"], name="fk_episode_manner_content"),
        sa.ForeignKeyConstraint(["hosts"], ["content.digest"], name="fk_episode_hosts_content"),
    )
    op.create_index("ix_episode_until", "episode", ["until"])
    op.create_index("ix_episode_manner", "episode", ["manner"])
    op.create_index("ix_episode_hosts", "episode", ["hosts"])
