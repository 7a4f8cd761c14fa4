"""Stores of older versions on every backend, and the schema that migrations lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from reconciler.adapters.store import postgresql, schema, sqlite
from reconciler.adapters.store.dialect import Database
from reconciler.adapters.store.tables import metadata
from reconciler.core.planning.plan_json import plan_document, sealed
from reconciler.model.digest import digest
from reconciler.model.plan import Step
from tests.integration.store.store_helpers import MOTD, begun, owns, planned, seen
from tests.stores import BACKENDS, Place, place

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")


@pytest.fixture(params=BACKENDS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where there is nothing yet."""
    with place(request.param, empty=True) as found:
        yield found


def database(here: Place) -> Database:
    if here.backend == "postgresql":
        return postgresql.database(here.address)
    Path(here.address).touch()
    return sqlite.database(Path(here.address))


def run(here: Place, *statements: str) -> list[object]:
    """Statements that somebody gives, and what the last one answers."""
    opened = database(here)
    with opened.writer.begin() as connection:
        found = [connection.execute(text(statement)) for statement in statements][-1]
        rows = [tuple(row) for row in found] if found.returns_rows else []
    opened.close()
    return rows


def made(here: Place, revision: str) -> None:
    """A store as the code of that revision left it: hosts, ownership, a run that ended and one that did not."""
    opened = database(here)
    with opened.alone.begin() as connection:
        schema.migrate(connection, None, opened.where, revision)
    opened.close()
    more = ", 0" if revision > "0003" else ""
    facts = hashlib.blake2b(b"facts\0[]", digest_size=16).hexdigest()
    plan = old_plan(revision)
    when = "'2026-11-01 10:00:00+00:00'" if here.backend == "postgresql" else "'2026-11-01 10:00:00.000000'"
    run(
        here,
        f"INSERT INTO identity VALUES ('old'{more})",
        f"INSERT INTO content VALUES ('{facts}', 'facts', false, {bytes_of(here, [])})",
        f"INSERT INTO observation VALUES ('web-1', {when}, {when}, 'm', 'fp', '', '{facts}', NULL)",
        f"INSERT INTO plan (digest, packed, data) VALUES ('{plan['digest']}', false, {bytes_of(here, plan)})",
        *(
            f"INSERT INTO run (plan, revision, actor, started_at, status{', epoch' if more else ''}) "
            f"VALUES ('{plan['digest']}', 'r', 'ada', {when}, '{status}'{more})"
            for status in ("succeeded", "failed", "running", "failed")
        ),
        "DELETE FROM run WHERE id = 4",
    )


def old_plan(revision: str) -> dict[str, Any]:
    """A plan as the code of that revision wrote it: before leases there were no rollouts, so nothing said of them."""
    document = plan_document(sealed(replace(planned(), steps=(Step("edge", "edge", (), {}),))))
    if revision < "0004":
        del document["rollouts"], document["steps"][0]["batch"]
    del document["digest"]
    return {**document, "digest": digest(document)}


def bytes_of(here: Place, document: object) -> str:
    """A literal of the database's."""
    data = orjson.dumps(document).hex()
    return f"decode('{data}', 'hex')" if here.backend == "postgresql" else f"X'{data}'"


def test_every_revision_is_tried() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(schema.alembic_config())
    assert scripts.get_heads() == [schema.HEAD]
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_older_store_is_migrated_with_what_is_in_it(here: Place, revision: str) -> None:
    made(here, revision)
    store = here()
    assert (store.id, list(store.observations()), [run.id for run in store.runs()]) == ("old", ["web-1"], [3, 2, 1])
    store.save_observations([seen("a")])
    store.save_ownership([owns("a")])
    assert list(store.ownership()["a"].owned) == [MOTD]
    assert begun(store).id > 4, "the number of a run whose row is gone does not come again"


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_check_has_nothing_against_an_older_store_and_finds_what_was_altered(here: Place, revision: str) -> None:
    made(here, revision)
    assert here().problems() == []
    here.close()
    altered = bytes_of(here, {**old_plan(revision), "fleet": 1000})
    run(here, f"UPDATE plan SET data = {altered}")
    [said] = here().problems()
    assert "can't be read" in said


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_epochs_go_on_above_the_numbers_of_runs_that_hosts_have_seen(here: Place, revision: str) -> None:
    made(here, revision)
    store = here()
    assert [(run.id, run.epoch) for run in store.runs()] == [(3, 3), (2, 2), (1, 1)]
    with store.hold("apply") as held:
        assert held.epoch > 4
    assert [run.status for run in store.runs()] == ["interrupted", "failed", "succeeded"]
    assert store.unfinished() == [], "a run of that time kept no intents, so nothing can be recovered"


def test_the_migrations_lead_to_the_tables_that_the_code_uses(here: Place) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    here()
    opened = database(here)
    with opened.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    opened.close()


def test_ids_of_runs_are_not_used_again(here: Place) -> None:
    store = here()
    first = begun(store)
    run(here, "DELETE FROM run")
    assert begun(store).id > first.id


def test_a_migration_that_fails_leaves_nothing(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_name", lambda _connection: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        here()
    monkeypatch.undo()
    tables = {"sqlite": "sqlite_master", "postgresql": "information_schema.tables WHERE table_schema = 'public'"}
    assert run(here, f"SELECT count(*) FROM {tables[here.backend]}") == [(0,)]
    assert here().runs() == []


def test_a_database_of_another_program_is_left_alone(here: Place) -> None:
    from reconciler.model.errors import Stalled

    database(here).close()
    run(here, "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(Stalled, match="another program"):
        here()


def test_a_newer_schema_is_refused(here: Place) -> None:
    from reconciler.model.errors import Stalled

    here().close()
    run(here, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Stalled, match="schema 9999, which is newer") as refused:
        here()
    assert "update Reconciler" in refused.value.hint


def test_a_plan_is_kept_once_however_often_it_runs(here: Place) -> None:
    store = here()
    begun(store), begun(store)
    assert run(here, "SELECT digest FROM plan") == [(planned().digest,)]
