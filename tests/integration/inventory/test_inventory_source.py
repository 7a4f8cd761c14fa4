"""How readings follow each other: age, jumps, restarts, sources that fail, damaged memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.inventories.ansible_listing import Mapped
from reconciler.model.errors import Stalled
from reconciler.model.inventory import Listing


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


def write(file: Path, count: int, role: str = "web", **more: Any) -> None:
    hosts = [{"name": f"h{i:03}", "address": f"192.0.2.{i}", "labels": {"role": role}, **more} for i in range(count)]
    file.write_text(json.dumps({"format_version": 1, "hosts": hosts}))


def reasons(listing: Listing) -> list[tuple[str, str]]:
    return [(problem.reason, problem.severity) for problem in listing.problems]


def test_a_source_is_read_when_it_is_old_and_only_when_asked(source, export, clock):
    write(export, 20)
    assert reasons(source(export, "json").listing(refresh=False)) == [("inventory-unread", "warning")]
    first = source(export, "json").listing(refresh=True)
    assert (len(first.hosts), first.whole, first.problems, first.read_at) == (20, True, (), clock.at)
    write(export, 21)
    clock.later(minutes=10)
    assert source(export, "json").listing(refresh=True) == first
    clock.later(seconds=1)
    assert source(export, "json").listing(refresh=False) == first
    assert len(source(export, "json").listing(refresh=True).hosts) == 21


def test_what_is_remembered_is_what_was_read(source, export):
    write(export, 3, port=2222, user="ops", become=True, vars={"a": [1]})
    inventory = source(export, "json")
    fresh = inventory.listing(refresh=True)
    assert source(export, "json").listing(refresh=False) == fresh == inventory.listing(refresh=False)
    labels = {id(host.labels) for host in source(export, "json").listing(refresh=False).hosts.values()}
    assert len(labels) == 1


@pytest.mark.parametrize(
    ("count", "why"), [(20, "20 of 40 hosts are gone"), (80, "40 hosts came to 40"), (0, "no usable")]
)
def test_a_jump_is_held_until_somebody_accepts_it(source, export, clock, count, why):
    write(export, 40)
    source(export, "json").listing(refresh=True)
    write(export, count)
    clock.later(hours=3)
    held = source(export, "json").listing(refresh=True)
    assert (len(held.hosts), held.whole, held.held.delta.after) == (40, True, count)
    assert why in held.problems[0].message
    assert "3 h ago stays in use" in held.problems[0].message
    assert held.problems[0].hint == "if that is right: reconciler inventory accept src"
    assert reasons(held) == [("inventory-held", "warning")]
    assert source(export, "json").listing(refresh=False) == held

    write(export, 40)  # accepted is what was shown, not what is there by now
    accepted = source(export, "json").accept()
    assert (len(accepted.hosts), accepted.held, accepted.problems) == (count, None, ())
    assert source(export, "json").listing(refresh=True) == accepted
    with pytest.raises(Stalled, match="nothing of the inventory src is held"):
        source(export, "json").accept()


def test_a_held_reading_goes_when_the_source_is_itself_again(source, export, clock):
    for count in (40, 10, 39):
        write(export, count)
        clock.later(hours=1)
        found = source(export, "json").listing(refresh=True)
    assert (len(found.hosts), found.held, found.problems) == (39, None, ())


def test_other_labels_on_many_hosts_are_held(source, export, clock):
    write(export, 40)
    source(export, "json").listing(refresh=True)
    write(export, 40, role="db")
    clock.later(hours=1)
    found = source(export, "json").listing(refresh=True)
    assert "40 of 40 hosts have other labels" in found.problems[0].message
    assert {host.labels["role"] for host in found.hosts.values()} == {"web"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "not JSON"),
        ('{"format_version": 1, "hosts": [', "not JSON"),
        ("[]", "no format_version"),
    ],
)
def test_what_cant_be_read_changes_nothing(source, export, clock, content, said):
    write(export, 20)
    source(export, "json").listing(refresh=True)
    export.unlink() if content is None else export.write_text(content)
    clock.later(hours=2)
    found = source(export, "json").listing(refresh=True)
    assert (len(found.hosts), found.whole, reasons(found)) == (20, True, [("inventory-unreadable", "warning")])
    assert said in found.problems[0].message
    assert "listed 2 h ago stay in use" in found.problems[0].message


def test_what_was_never_read_is_an_error_and_says_nothing_of_hosts(source, export):
    found = source(export, "json").listing(refresh=True)
    assert (found.hosts, found.whole, reasons(found)) == ({}, False, [("inventory-unreadable", "error")])


def test_an_empty_source_is_not_a_fleet(source, export):
    write(export, 0)
    found = source(export, "json").listing(refresh=True)
    assert (found.hosts, found.whole, reasons(found)) == ({}, False, [("inventory-held", "error")])
    assert source(export, "json").accept().whole


def test_a_host_that_is_left_out_is_remembered_as_a_problem(source, export):
    write(export, 3)
    document = json.loads(export.read_text())
    document["hosts"].append({"name": "Bad_Name"})
    export.write_text(json.dumps(document))
    for found in (source(export, "json").listing(refresh=True), source(export, "json").listing(refresh=False)):
        assert (len(found.hosts), found.whole) == (3, False)
        assert reasons(found) == [("schema", "error")] or reasons(found) == [("bad-name", "error")]


def test_damaged_memory_is_not_the_same_as_none(source, export, tmp_path):
    write(export, 40)
    source(export, "json").listing(refresh=True)
    memory = tmp_path / "memory" / "src.json"
    for damage in (
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        memory.read_bytes()[:-30],
        memory.read_bytes().replace(b"192.0", b"", 1)[:-1],
    ):
        memory.write_bytes(damage)
        found = source(export, "json").listing(refresh=True)
        assert (found.hosts, found.whole, reasons(found)) == ({}, False, [("inventory-unreadable", "error")])
    assert len(source(export, "json").accept().hosts) == 40
    assert len(source(export, "json").listing(refresh=False).hosts) == 40


def test_only_the_owner_can_read_what_is_remembered(source, export, tmp_path):
    write(export, 1)
    source(export, "json").listing(refresh=True)
    assert (tmp_path / "memory" / "src.json").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / "memory").iterdir()] == ["src.json"]


def test_nothing_of_the_state_repository_is_a_source(source, export, tmp_path):
    write(export, 1)
    found = source(export, "json", repository=tmp_path).listing(refresh=True)
    assert "lies in the state repository" in found.problems[0].message
    link = tmp_path / "elsewhere"
    link.mkdir()
    (link / "a.json").symlink_to(export)
    found = source(link / "a.json", "json", repository=tmp_path).listing(refresh=True)
    assert "lies in the state repository" in found.problems[0].message


def test_a_source_that_everybody_can_write_is_refused(source, export):
    write(export, 1)
    export.chmod(0o666)
    assert "everybody can write" in source(export, "json").listing(refresh=True).problems[0].message


def test_other_settings_need_a_new_reading_at_once(source, tmp_path):
    hosts = tmp_path / "hosts.csv"
    hosts.write_text("name,labels.role\nh1,web\n")
    local = tmp_path / "local.csv"
    local.write_text("name,connection\nh1,local\n")
    assert source(hosts, "csv").listing(refresh=True).hosts["h1"].labels == {"role": "web"}
    assert reasons(source(local, "csv").listing(refresh=True)) == [
        ("inventory-held", "warning"),
        ("local-not-allowed", "error"),
    ]
    allowed = source(local, "csv", allow_local=True, mapped=Mapped()).listing(refresh=True)
    assert (allowed.hosts["h1"].connection, allowed.problems) == ("local", ())
