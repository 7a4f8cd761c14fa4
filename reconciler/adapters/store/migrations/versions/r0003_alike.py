"""Marks of hosts that are in order say which are alike, so that one can be looked at for all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("in_order", sa.Column("alike", sa.String(32), nullable=False, server_default=""))
