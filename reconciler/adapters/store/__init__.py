"""The store: what must be remembered, in SQL. SQLite and PostgreSQL go through the same statements.

Modules: `tables` (the schema), `dialect`, `sqlite`, `postgresql` (all that depends on the database), `driver` (rows as
its driver gives them), `schema` (opening and migrating), `content` (values kept once), `observed`, `owned`, `runs`,
`leases` (one for each noun), `lock`, `tenure`, `tenancy` (holding a lease), `store` (the port).
"""

from __future__ import annotations

from reconciler.adapters.store.store import SqlStore, open_postgresql, open_store

__all__ = ["SqlStore", "open_postgresql", "open_store"]
