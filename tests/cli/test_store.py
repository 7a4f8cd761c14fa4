"""`reconciler store`, and an apply after one that was killed, on the real command line."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.adapters.store import open_store
from reconciler.core.planning.plan_json import read_plan
from tests.cli.place import Place


@pytest.fixture
def store(fleet: Place) -> list[str]:
    """The option that names a store in which something is."""
    option = ["--store", str(fleet.base / "store.db")]
    assert fleet.run("apply", "--yes", *option).code == 0
    return option


def test_a_backup_is_checked_and_restored(fleet: Place, store: list[str], tmp_path: Path) -> None:
    backup, new = str(tmp_path / "backup"), ["--store", str(tmp_path / "new.db")]
    said = fleet.run("store", "backup", backup, *store)
    assert (said.code, said.err) == (0, "")
    assert fleet.run("store", "check", "--store", backup).out == "The store is sound.\n"
    assert "something in it" in fleet.run("store", "restore", backup, *store).err
    assert "epochs go on after" in fleet.run("store", "restore", backup, *new).out
    assert (
        fleet.run("runs", "--output", "json", *new).document == fleet.run("runs", "--output", "json", *store).document
    )
    assert fleet.run("plan", *new).code == 0, "nothing is to do, and the hosts take the new epochs"
    fleet.commit(
        {"hosts/web-1.yaml": (fleet.state / "hosts/web-1.yaml").read_text().replace("workers: 4", "workers: 5")}
    )
    assert fleet.run("apply", "--yes", *new).code == 0


def test_a_store_that_is_damaged_is_an_error(fleet: Place, store: list[str]) -> None:
    with sqlite3.connect(store[1]) as connection:
        connection.execute("DELETE FROM content WHERE kind = 'hosts'")
    connection.close()
    said = fleet.run("store", "check", *store)
    assert (said.code, "outcome refers to content.digest" in said.out) == (1, True)
    assert "restore" in said.err
    assert fleet.run("store", "check", "--output", "json", *store).document["problems"]


def test_compacting_says_what_was_forgotten(fleet: Place, store: list[str]) -> None:
    said = fleet.run("store", "compact", *store)
    assert (said.code, said.out.split(" and ")[0]) == (0, "0 runs")


def test_an_apply_after_one_that_was_killed_says_what_it_found(fleet: Place, store: list[str], tmp_path: Path) -> None:
    web = (fleet.state / "services/web.yaml").read_text()
    fleet.commit({"services/web.yaml": web.replace("listen", "port")})
    assert fleet.run("plan", "--out", str(tmp_path / "plan.json"), *store).code == 2
    # As a worker left it that was killed before it sent anything.
    left = open_store(Path(store[1]))
    plan = read_plan((tmp_path / "plan.json").read_bytes())
    with left.hold("apply") as held:
        run = left.begin_run(plan, "ada", datetime.now(UTC), held.epoch)
        left.intend(run, plan.steps[0].id, plan.steps[0].hosts)
    left.close()
    hosts = len(plan.steps[0].hosts)
    said = fleet.run("apply", str(tmp_path / "plan.json"), *store)
    assert f"was interrupted; {hosts} hosts were asked again: {hosts} as before" in said.err
    assert said.code == 0, said.err
    assert (fleet.root("web-1") / "etc/web.conf").read_text().startswith("port 8080")
    again = fleet.run("apply", str(tmp_path / "plan.json"), *store)
    assert (again.code, "was applied already" in again.err) == (1, True)


def test_a_password_in_the_address_is_refused_and_not_repeated(fleet: Place) -> None:
    said = fleet.run("runs", "--store", "postgresql://ada:s3cret@db.example.org/x")
    assert (said.code, "s3cret" in said.out + said.err) == (1, False)
    assert "store_password_file" in said.err
