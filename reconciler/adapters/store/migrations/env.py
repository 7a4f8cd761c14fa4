"""Run by alembic: applies migrations in the transaction of the connection that it was given."""

from __future__ import annotations

from alembic import context

from reconciler.adapters.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
