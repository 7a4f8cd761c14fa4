"""Stores of older versions, and the schema that migrations lead to."""

from __future__ import annotations

import sqlite3

import pytest

from reconciler.adapters.store import dialect, open_store, schema
from reconciler.adapters.store.tables import metadata
from tests.integration.store.store_helpers import NOW, change, opened, planned, seen


class TestMigrations:
    def revisions(self) -> list[str]:
        from alembic.script import ScriptDirectory

        return [script.revision for script in ScriptDirectory.from_config(schema.alembic_config()).walk_revisions()]

    def test_our_head_is_the_newest_revision_and_there_is_one_line_of_them(self):
        from alembic.script import ScriptDirectory

        assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.HEAD]
        assert self.revisions()[0] == schema.HEAD

    def test_an_older_store_of_any_revision_is_migrated_and_works(self, tmp_path):
        for revision in self.revisions():
            path = tmp_path / f"{revision}.db"
            path.touch()
            engine = dialect.sqlite_engine(path)
            with dialect.writer(engine).begin() as connection:
                schema.migrate(connection, None, str(path), revision)
            # As made by the code of that time: with a name.
            engine.dispose()
            change(path, "INSERT INTO identity (id) VALUES ('old')")
            with opened(path) as store:
                store.save_observations([seen("a")])
                assert list(store.observations()) == ["a"]
                assert store.id == "old"

    def test_the_migrations_lead_to_the_tables_that_the_code_uses(self, store):
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        with store._engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []

    def test_ids_of_runs_are_not_used_again(self, path, store):
        first = store.begin_run(planned(), "ada", NOW)
        change(path, "DELETE FROM run")
        assert store.begin_run(planned(), "ada", NOW).id > first.id

    def test_a_migration_that_fails_leaves_nothing(self, path, monkeypatch):
        monkeypatch.setattr(schema, "_name", lambda _connection: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            open_store(path)
        monkeypatch.undo()
        assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        open_store(path).close()
