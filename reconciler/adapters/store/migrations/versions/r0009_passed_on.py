"""Webhooks that came to a standby wait for the daemon that leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("webhook_delivery", sa.Column("waits", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_webhook_delivery_waits", "webhook_delivery", ["waits"])
