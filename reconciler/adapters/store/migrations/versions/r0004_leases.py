"""Leases with epochs, and the intents of runs. Epochs go on where the numbers of runs, which were epochs, ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)

# After the highest number that a run ever had, also one whose row is gone.
_GO_ON = {
    "sqlite": "UPDATE identity SET epoch = (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'run')",
    "postgresql": "UPDATE identity SET epoch = "
    "(SELECT greatest((SELECT last_value FROM run_id_seq), (SELECT coalesce(max(id), 0) FROM run)))",
}


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.PrimaryKeyConstraint("purpose", name="pk_lease"),
    )
    op.create_table(
        "intent",
        sa.Column("id", _COUNTER, nullable=False),
        sa.Column("run", _COUNTER, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("hosts", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intent"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_intent_run_run"),
        sa.ForeignKeyConstraint(["hosts"], ["content.digest"], name="fk_intent_hosts_content"),
    )
    op.create_index("ix_intent_run", "intent", ["run"])
    op.create_index("ix_intent_hosts", "intent", ["hosts"])
    _epochs()


def _epochs() -> None:
    # Added in place: to copy the table of runs would lose the highest number that SQLite has ever given out.
    op.execute("ALTER TABLE run ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0")
    op.execute("UPDATE run SET epoch = id")
    op.execute("ALTER TABLE identity ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0")
    op.execute(_GO_ON[op.get_bind().dialect.name])
    # A run of an older version kept no intents: what was under way in it can't be told, so it is not taken over.
    op.execute("UPDATE run SET status = 'interrupted' WHERE status = 'running'")
