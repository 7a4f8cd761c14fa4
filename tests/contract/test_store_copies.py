"""What every store promises about backups, restoring, checking and forgetting, whichever database is behind it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from reconciler.adapters.store import SqlStore, open_store
from reconciler.adapters.store.copies import JUMP
from reconciler.adapters.store.tables import content
from reconciler.model.errors import Retry, Stalled
from reconciler.model.key import Key
from reconciler.model.observation import InOrder
from reconciler.model.run import RunOutcome
from tests.integration.store.store_helpers import MOTD, NOW, owns, planned, seen
from tests.stores import BACKENDS, Place, place

CHANGED = RunOutcome("s1", "p1", "edge", Key("package", "nginx"), "update", "changed", "", ("a", "b"))


@pytest.fixture(params=BACKENDS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture(params=BACKENDS)
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Another store, perhaps on another database."""
    with place(request.param, empty=True) as found:
        yield found


def used(here: Place) -> SqlStore:
    """A store with everything in it, and a run under way."""
    store = here()
    store.save_observations([seen(f"h{number}", f"{number % 7:04}") for number in range(2500)])
    store.save_ownership([owns("a"), owns("b")])
    store.note_in_order({"a": InOrder("asked", "fp")})
    with store.hold("apply") as held:
        done = store.begin_run(planned(), "ada", NOW, held.epoch)
        store.record(done, [CHANGED], [], [], [])
        store.end_run(done, "succeeded", NOW)
        left = store.begin_run(planned(), "bob", NOW, held.epoch)
        store.intend(left, "s1", ["a", "b"])
    return store


def everything(store: SqlStore) -> object:
    heads = store.heads()
    observed = {host: (o.fingerprint, o.asked_at, {k: f.facts for k, f in o.facts.items()})
                for host, o in store.observations().items()}  # fmt: skip
    owned = {host: dict(o.owned) for host, o in store.ownership().items()}
    runs = [(store.run(run.id), store.intents(run.id)) for run in store.runs()]
    return store.id, heads, observed, owned, runs, store.plan(planned().digest)


def change(here: Place, *statements: str) -> None:
    """What somebody does to it with another tool, who has switched checks off."""
    store = here()
    with store._database.writer.connect() as connection:
        if here.backend == "sqlite":
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()
    here.close()


def test_the_drill_a_backup_is_restored_on_any_database(here, elsewhere, tmp_path) -> None:
    store, file = used(here), tmp_path / "backup"
    before = everything(store)
    store.backup(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.save_observations([seen("later")])
    elsewhere().restore(file)
    elsewhere.close()
    restored = elsewhere()
    assert everything(restored) == before
    assert restored.problems() == []
    with restored.hold("apply") as held:
        assert restored.begin_run(planned(), "ada", NOW, held.epoch).id > max(run.id for run in store.runs())


def test_epochs_jump_so_that_hosts_refuse_what_came_before_the_restore(here, tmp_path) -> None:
    store, file = used(here), tmp_path / "backup"
    store.backup(file)
    for _ in range(3):
        with store.hold("apply") as held:
            lost = held.epoch  # hosts have seen it, the backup has not
    assert store.restore(file, replace=True) == lost + 1 + JUMP
    here.close()
    with here().hold("apply") as held:
        assert held.epoch > lost + JUMP


def test_a_store_in_use_is_not_restored_over_by_mistake(here, tmp_path) -> None:
    store, file = used(here), tmp_path / "backup"
    store.backup(file)
    before = everything(store)
    with pytest.raises(Stalled, match="has something in it"):
        store.restore(file)
    with here().hold("apply"), pytest.raises(Retry, match="another apply is running"):
        store.restore(file, replace=True)
    assert everything(store) == before


def test_a_backup_never_overwrites_and_what_is_none_is_refused(here, tmp_path) -> None:
    store, file = used(here), tmp_path / "backup"
    file.write_text("mine")
    with pytest.raises(Stalled, match="is there already"):
        store.backup(file)
    with pytest.raises(Stalled, match="no SQLite database"):
        store.restore(file, replace=True)
    with pytest.raises(Stalled, match="there is no backup"):
        store.restore(tmp_path / "none")
    assert (file.read_text(), [path.name for path in tmp_path.iterdir() if path.name.startswith(".backup")]) == (
        "mine",
        [],
    )
    assert len(store.runs()) == 2


def test_a_backup_is_one_moment_while_others_write(here, tmp_path) -> None:
    store = used(here)
    other = here()
    for number in range(5):
        other.save_observations([seen("x", f"{number:04}"), seen("y", f"{number:04}")])
        store.backup(tmp_path / f"{number}")
    for number in range(5):
        copy = open_store(tmp_path / f"{number}")
        found = copy.observations(["x", "y"])
        assert {o.fingerprint for o in found.values()} == {f"{number:04}"}
        copy.close()


def test_a_sound_store_has_no_problems(here) -> None:
    assert used(here).problems() == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE content SET data = CAST('[\"x\"]' AS {bytes}), packed = false WHERE kind = 'hosts'", "was altered"),
        ("UPDATE content SET data = CAST('x' AS {bytes}), packed = true WHERE kind = 'fact'", "can't be read"),
        ("DELETE FROM content WHERE kind = 'fact'", "which is not there"),
        ("DELETE FROM content WHERE kind = 'hosts'", "outcome refers to content.digest"),
        ("UPDATE plan SET data = CAST('[]' AS {bytes}), packed = false", "can't be read"),
        ("DELETE FROM plan", "run refers to plan.digest"),
        ("DROP INDEX ix_content_kind", "the schema is not as it should be"),
    ],
)
def test_what_is_damaged_is_named(here, damage, says) -> None:
    used(here)
    here.close()
    change(here, damage.format(bytes="bytea" if here.backend == "postgresql" else "blob"))
    assert any(says in line for line in here().problems())


def test_old_runs_are_forgotten_and_what_is_needed_stays(here) -> None:
    store = used(here)
    with store.hold("apply") as held:
        new = store.begin_run(planned(), "eve", NOW + timedelta(days=100), held.epoch)
        store.end_run(new, "succeeded", NOW + timedelta(days=100))
    left = store.unfinished()
    owned = store.ownership()
    keep = timedelta(days=90)
    assert store.tidy(NOW + keep, keep) == 0, "nothing is older"
    assert store.tidy(NOW + keep + timedelta(days=1), keep) == 1
    assert [run.actor for run in store.runs()] == ["eve", "bob"]
    assert [(run, store.intents(run.id)[0].hosts) for run in store.unfinished()] == [(left[0], ("a", "b"))]
    assert store.ownership().keys() == owned.keys()
    assert list(store.ownership()["a"].owned) == [MOTD]
    assert (store.plan(planned().digest) is None, store.problems()) == (False, [])


@pytest.mark.parametrize("keep", [timedelta(days=90), None])
def test_what_nothing_refers_to_goes_once_a_day_however_young_runs_are(here, keep) -> None:
    store = used(here)
    runs = [run.id for run in store.runs()]

    def says(*modes: str) -> int:
        """What a host says, one after the other; how many values the store has then."""
        for mode in modes:
            store.save_observations([seen("a", mode)])
        return len(contents(here))

    for day in (1, 2):
        at, there = NOW + timedelta(days=day), says("0600", "0640", "0660")
        assert (store.tidy(at, keep), len(contents(here))) == (0, there - 4), "two facts, and two lists of them"
        there = says("0600", "0640")
        # It is done once a day, whoever says it.
        assert (here().tidy(at, keep), store.tidy(at + timedelta(hours=1), keep)) == (0, 0)
        assert len(contents(here)) == there
    assert ([run.id for run in store.runs()], store.problems()) == (runs, [])


def contents(here: Place) -> list[str]:
    with here()._database.reader.begin() as connection:
        return list(connection.scalars(select(content.c.digest)))
