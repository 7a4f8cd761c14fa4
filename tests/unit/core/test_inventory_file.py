"""Inventories as files: JSON and CSV by the published schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from reconciler.core.inventories.admit import Entry, Unfit, admit
from reconciler.core.inventories.inventory_file import csv_entries, inventory_schema, json_entries
from reconciler.model.errors import Stalled

FULL = {
    "name": "me",
    "address": "192.0.2.1",
    "port": 2222,
    "user": "ops",
    "connection": "local",
    "become": True,
    "root": "/srv/me",
    "labels": {"role": "web"},
    "vars": {"a": [1, "x"]},
}


def document(*hosts: Any, **more: Any) -> bytes:
    return json.dumps({"format_version": 1, "hosts": hosts, **more}).encode()


def reasons(data: bytes) -> list[str]:
    return [e.reason for e in json_entries(data) if isinstance(e, Unfit)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(inventory_schema())
    jsonschema.validate(json.loads(document(FULL, {"name": "x"})), inventory_schema())
    assert "null" not in json.dumps(inventory_schema())


def test_every_field_arrives() -> None:
    assert list(json_entries(document(FULL, {"name": "x"}))) == [Entry(**FULL), Entry("x")]


@pytest.mark.parametrize(
    "host",
    [
        {},
        "x",
        None,
        {"name": 1},
        {"name": "x", "port": "22"},
        {"name": "x", "port": 22.5},
        {"name": "x", "port": 70000},
        {"name": "x", "colour": "red"},
        {"name": "x", "address": None},
        {"name": "x", "labels": {"a": 1}},
        {"name": "x", "labels": {"a": "b c"}},
        {"name": "x", "vars": []},
        {"name": "x", "become": "true"},
        {"name": "x", "become": 1},
        {"name": "x", "connection": "winrm"},
        {"name": "x", "user": "-x"},
    ],
)
def test_what_the_schema_refuses_is_left_out_alone(host: Any) -> None:
    assert not jsonschema.Draft202012Validator(inventory_schema()).is_valid(json.loads(document(host)))
    # A good host of the same form before it must not vouch for it.
    data = document({"name": "a", "port": 22, "become": True, "labels": {"a": "b"}}, {"name": "b"}, host)
    assert reasons(data) == ["schema"]


def test_hosts_of_one_form_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.core import exchange

    checked: list[Any] = []
    real = exchange.violations
    monkeypatch.setattr(exchange, "violations", lambda schema, given: checked.append(given) or real(schema, given))
    hosts = [{"name": f"h{i}", "address": f"192.0.2.{i}", "labels": {"r": str(i % 4)}} for i in range(200)]
    found = admit(json_entries(document(*hosts)), "s", allow_local=False)
    assert (len(found.hosts), len(checked)) == (200, 1 + 4)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no format_version"),
        (b'{"format_version": 2, "hosts": []}', "format_version 2"),
        (b'{"format_version": 1}', "hosts"),
        (b'{"format_version": 1, "hosts": {}}', "hosts"),
        (b'{"format_version": 1, "hosts": [], "more": 1}', "more"),
    ],
)
def test_something_else_is_no_inventory(data: bytes, said: str) -> None:
    with pytest.raises(Stalled, match=said):
        list(json_entries(data))


def test_csv_is_the_same_in_columns() -> None:
    text = (
        "\ufeffname,address,port,user,connection,become,root,labels.role,labels.example.com/x,vars.a\r\n"
        'me,192.0.2.1,2222,ops,local,true,/srv/me,web,,"x, y"\r\n'
        "\r\n"
        "bare,,,,,,,,z,\r\n"
    )
    full = {**FULL, "vars": {"a": "x, y"}}
    assert list(csv_entries(text.encode())) == [
        Entry(**full),
        Entry("bare", labels={"example.com/x": "z"}),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,22,x", "line 2 has 3 columns and the first line 2"),
        ("a,abc", "line 2: port"),
        ("a,99999", "line 2: port"),
        (",22", "line 2: "),
        ("a,²", "line 2: port"),
    ],
)
def test_a_bad_row_is_left_out_alone(row: str, said: str) -> None:
    bad, good = csv_entries(f"name,port\n{row}\nb,22\n".encode())
    assert isinstance(bad, Unfit)
    assert bad.message.startswith(said)
    assert good == Entry("b", port=22)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no column called name"),
        (b"host,ip\n", "no column called name"),
        (b"name,site\n", "unknown column 'site'"),
        (b"name,labels.a,labels.a\n", "same name"),
        (b"name\n\xff\n", "not UTF-8"),
        (b'name\n"a" b\n', "not a CSV"),
    ],
)
def test_something_else_is_no_csv(text: bytes, said: str) -> None:
    with pytest.raises(Stalled, match=said):
        list(csv_entries(text))


@pytest.mark.slow
def test_a_whole_fleet_is_one_object_for_each_set_of_labels() -> None:
    sites = [{"site": f"dc{i}"} for i in range(12)]
    hosts = [
        {"name": f"host-{i:06}", "address": f"10.0.{i >> 8 & 255}.{i & 255}", "labels": sites[i % 12]}
        for i in range(110_000)
    ]
    found = admit(json_entries(document(*hosts)), "s", allow_local=False)
    assert (len(found.hosts), found.problems) == (110_000, ())
    assert len({id(host.labels) for host in found.hosts.values()}) == 12
    assert len({id(host.vars) for host in found.hosts.values()}) == 1
