"""A store is a file: making it, opening it, and what is said when it is not what it should be."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from reconciler.adapters.store import open_store
from tests.integration.store.store_helpers import change, opened, python, refusal, seen


class TestOpening:
    def test_a_new_file_is_for_this_user_only(self, path, store):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with store.hold("apply"):
            assert stat.S_IMODE(path.with_name("state.db.lock").stat().st_mode) == 0o600

    def test_an_empty_file_is_a_new_store(self, path):
        path.touch()
        open_store(path).close()

    def test_a_missing_directory_is_made_only_when_asked(self, tmp_path):
        deep = tmp_path / "a" / "b" / "state.db"
        assert "a/b is not there" in refusal(deep).message
        open_store(deep, create_parent=True).close()
        assert stat.S_IMODE(deep.parent.stat().st_mode) == 0o700

    def test_alembic_is_loaded_only_when_there_is_something_to_migrate(self, path):
        code = """
            import sys, pathlib
            from reconciler.adapters.store import open_store
            open_store(pathlib.Path(sys.argv[1])).close()
            print("alembic" in sys.modules)
        """
        assert [python(code, str(path)).stdout.strip() for _ in range(2)] == ["True", "False"]

    def test_it_is_durable_and_checks_references(self, store):
        with store._database.reader.connect() as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert pragmas == {"journal_mode": "delete", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


class TestBadFiles:
    @pytest.mark.parametrize(
        ("data", "says"),
        [(b"hosts: []\n" * 100, "no SQLite database"), (b"SQLite format 3\0" + b"\xff" * 4096, "no SQLite database")],
    )
    def test_a_file_that_is_no_database(self, path, data, says):
        path.write_bytes(data)
        assert says in refusal(path).message
        assert path.read_bytes() == data

    def test_a_database_of_another_program(self, path):
        change(path, "CREATE TABLE bookmarks (url TEXT)")
        assert "another program" in refusal(path).message

    def test_a_newer_schema(self, path):
        open_store(path).close()
        change(path, "UPDATE alembic_version SET version_num = '9999'")
        refused = refusal(path)
        assert "schema 9999, which is newer" in refused.message
        assert "update Reconciler" in refused.hint

    def test_damaged_pages(self, path):
        with opened(path) as store:
            store.save_observations(seen(f"h{n}", f"{n:04}") for n in range(500))
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(path.stat().st_size - 4096))
        assert "damaged" in refusal(path).message

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE content SET data = x'00ff' WHERE kind = 'fact'",
            "UPDATE content SET data = x'ff', packed = 0 WHERE kind = 'facts'",
            "DELETE FROM content WHERE kind = 'fact'",
        ],
    )
    def test_damaged_values(self, path, damage):
        with opened(path) as store:
            store.save_observations([seen("a")])
        change(path, damage)
        assert "damaged" in refusal(path).message

    def test_a_directory_in_the_way(self, tmp_path):
        assert "can't be opened" in refusal(tmp_path).message
        assert "can't be opened" in refusal(Path("/dev/null/state.db")).message

    def test_what_may_not_be_written(self):
        # Permissions mean nothing to root, so another user tries.
        folder = Path(tempfile.mkdtemp())
        try:
            for name, mode in {"locked.db": 0o000, "nojournal.db": 0o666}.items():
                open_store(folder / name).close()
                (folder / name).chmod(mode)
            folder.chmod(0o555)
            code = """
                import os, sys, pathlib
                from datetime import datetime, UTC
                from reconciler.adapters.store import open_store
                from reconciler.model.errors import Stalled
                from reconciler.model.observation import Observation
                # Everything is imported before, since the interpreter may be root's own.
                open_store(pathlib.Path(sys.argv[1]) / "nojournal.db").observations()
                if os.geteuid() == 0:
                    os.setgroups([]), os.setgid(65534), os.setuid(65534)
                for name in sys.argv[2:]:
                    try:
                        store = open_store(pathlib.Path(sys.argv[1]) / name)
                        store.save_observations([Observation("a", None, datetime.now(UTC))])
                        print("allowed")
                    except Stalled as error:
                        print(error.message)
            """
            done = python(code, str(folder), "new.db", "locked.db", "nojournal.db")
            assert done.stderr == ""
            new, locked, journal = done.stdout.splitlines()
            assert "new.db can't be opened: Permission denied" in new
            assert "locked.db can't be opened: Permission denied" in locked
            assert "nojournal.db can't be written" in journal
        finally:
            shutil.rmtree(folder)
