"""The store: what must be remembered, in SQL. SQLite now; PostgreSQL goes through the same statements.

Modules: `tables` (the schema), `dialect` (all that depends on the database), `schema` (opening and migrating),
`content` (values kept once), `observed`, `owned`, `runs` (one for each noun), `lock`, `store` (the port).
"""

from __future__ import annotations

from reconciler.adapters.store.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
