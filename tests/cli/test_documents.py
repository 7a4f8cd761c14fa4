"""JSON outputs: one document each, of version 1, with the fields that scripts rely on; and the last line of text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.place import ROOT, WEB, Place

TEXT: dict[str, Any] = {"type": "string"}
HOSTS = {"type": "array", "items": TEXT, "minItems": 1}
STORED = ("--no-observe",)


def form(**fields: Any) -> dict[str, Any]:
    """The schema of an object with exactly these fields."""
    return {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}


def many(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": form(**fields), "minItems": 1}


def published(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    return schema


VERSION = {"const": 1}
COUNT = {"type": "integer", "minimum": 0}
WHEN = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
SHA = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
PROBLEMS = form(
    format_version=VERSION,
    documents=COUNT,
    problems=many(
        reason={"type": "string", "pattern": "^[a-z-]+$"},
        severity={"enum": ["error", "warning"]},
        message=TEXT,
        path=TEXT,
        line={"type": "integer", "minimum": 1},
        column={"type": "integer", "minimum": 1},
        document=TEXT,
        hint=TEXT,
    ),
)
DRIFT = form(
    format_version=VERSION,
    drifted=many(
        host=TEXT,
        kind=TEXT,
        name=TEXT,
        service=TEXT,
        action={"enum": ["create", "update", "delete"]},
        fields=many(path=TEXT, desired={}, observed={}, sensitive={"type": "boolean"}),
        since=WHEN,
        times=COUNT,
    ),
    unknown=many(hosts=HOSTS, service=TEXT, kind=TEXT, name=TEXT, reason=TEXT, message=TEXT),
)
RUN = {
    "run": {"type": "integer"},
    "plan": TEXT,
    "revision": SHA,
    "actor": TEXT,
    "status": {"enum": ["running", "succeeded", "failed", "stopped", "halted", "interrupted"]},
    "undoes": {"type": ["integer", "null"]},
    "started_at": WHEN,
    "finished_at": WHEN,
}
WHY = form(
    format_version=VERSION,
    host=TEXT,
    kind=TEXT,
    name=TEXT,
    answer=TEXT,
    asked_for_by=form(
        service=TEXT, project=TEXT, owner=TEXT, path=TEXT, line=COUNT, column=COUNT, selector=TEXT, host_document=TEXT
    ),
    values=many(name=TEXT, value={}, giver=TEXT, over={"type": "array"}, sensitive={"type": "boolean"}),
    ignored={**many(path=TEXT, desired={}, observed={}, sensitive={"type": "boolean"}), "minItems": 0},
    observed=form(at=WHEN, state=TEXT, changed_at=WHEN),
    last_in_order=form(at=WHEN, run=COUNT, revision=SHA, created={"type": "boolean"}),
    due=many(action=TEXT, cause={"enum": ["pending", "drift"]}, because=TEXT, fields=many(path=TEXT, cause=TEXT)),
    waits_for={"type": "array"},
    blocked={"type": "array"},
    pinned={"type": "null"},
)


def check(document: Any, schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert [f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(document)] == []


def test_validate(place: Place) -> None:
    place.commit({"a.yaml": "apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: a}\nspec: {adress: x}\n"})
    said = place.run("validate", "--output", "json")
    assert (said.code, said.err) == (1, "")
    check(said.document, PROBLEMS)
    problem = said.document["problems"][-1]
    assert (problem["path"], problem["line"], problem["column"]) == ("a.yaml", 4, 8)
    assert (problem["reason"], problem["document"]) == ("unknown-field", "Host/a")
    assert "address" in problem["hint"]


def test_plan(moved: Place) -> None:
    said = moved.run("plan", *STORED, "--output", "json")
    document = said.document
    check(document, published("plan"))
    assert (said.code, document["format_version"]) == (2, 1)
    assert document["revision"] == moved.git("rev-parse", "HEAD")
    assert document["summary"] == {
        "create": 0, "update": 2, "delete": 0, "restart": 0, "unchanged": 2, "unknown": 2, "hosts": 2,
    }  # fmt: skip
    (step,) = document["steps"]
    assert (step["service"], step["needs"], sorted(h for hosts in step["programs"].values() for h in hosts)) == (
        "web",
        [],
        ["web-1", "web-2"],
    )
    by_host = {host: document["programs"][name] for name, hosts in step["programs"].items() for host in hosts}
    causes = {
        host: {(f["path"], f["cause"]) for change in program["changes"] for f in change["fields"]}
        for host, program in by_host.items()
    }
    assert causes == {
        "web-1": {("content", "pending")},
        "web-2": {("content", "pending"), ("mode", "drift")},
    }
    (blocked,) = document["blocked"]
    assert (blocked["hosts"], blocked["reason"]) == (["web-3"], "unreachable")


def test_drift(moved: Place) -> None:
    said = moved.run("drift", *STORED, "--output", "json")
    assert said.code == 2
    check(said.document, DRIFT)
    (drifted,) = said.document["drifted"]
    assert (drifted["host"], drifted["kind"], drifted["name"]) == ("web-2", "file", "/etc/web.conf")
    assert drifted["fields"] == [{"path": "mode", "desired": "0644", "observed": "0600", "sensitive": False}]
    assert [item["hosts"] for item in said.document["unknown"]] == [["web-3"]]


def test_runs(moved: Place) -> None:
    said = moved.run("runs", "--output", "json")
    assert said.code == 0
    check(said.document, form(format_version=VERSION, runs=many(**RUN)))
    shown = moved.run("runs", "show", "1", "--output", "json")
    assert shown.code == 0
    outcomes = many(
        step=TEXT, program=TEXT, service=TEXT, kind=TEXT, name=TEXT, action=TEXT, result=TEXT, message=TEXT, hosts=HOSTS
    )
    counts = form(**dict.fromkeys(["created", "updated", "deleted", "restarted", "failed", "skipped"], COUNT))
    check(
        shown.document,
        form(
            format_version=VERSION,
            **RUN,
            undone_by={"maxItems": 0},
            counts=counts,
            outcomes=outcomes,
            hosts={"maxItems": 0},
        ),
    )
    assert shown.document["counts"]["created"] == 4


def test_why(moved: Place) -> None:
    said = moved.run("why", "web-2", "file//etc/web.conf", "--output", "json")
    assert said.code == 0
    check(said.document, WHY)
    asked = said.document["asked_for_by"]
    assert (asked["path"], asked["line"], asked["host_document"]) == ("services/web.yaml", 9, "hosts/web-2.yaml:3:12")
    assert said.document["values"] == [
        {"name": "port", "value": 9090, "giver": "service web", "over": [], "sensitive": False}
    ]


def test_observe_and_its_export(fleet: Place, tmp_path: Path) -> None:
    file = tmp_path / "observations.json"
    said = fleet.run("observe", "--output", "json", "--export", str(file))
    assert said.code == 0
    assert said.document == {"format_version": 1, "hosts": 2, "answered": 2, "unreachable": {}}
    check(json.loads(file.read_text()), published("observation"))


@pytest.mark.parametrize("output", ["text", "json", "markdown"])
@pytest.mark.parametrize(
    "command",
    [
        ("plan", *STORED),
        ("drift", *STORED),
        ("why", "web-1", "file//etc/token"),
        ("runs",),
        ("runs", "show", "1"),
        ("observe", *STORED),
        ("validate",),
    ],
    ids=lambda c: c[0] + c[1].replace("show", " show") if len(c) > 1 and c[1] == "show" else c[0],
)
def test_every_form_says_something_on_stdout_and_no_secret(moved: Place, command: tuple[str, ...], output: str) -> None:
    said = moved.run(*command, "--output", output)
    assert said.code in (0, 2)
    assert (bool(said.out.strip()), said.err) == (True, "")
    assert "s3cret-canary" not in said.out
    assert "\x1b" not in said.out
    assert (said.out[0] == "{") == (output == "json")


@pytest.mark.parametrize(
    ("command", "starts"),
    [
        (("plan", *STORED), "**Plan: 0 to create, 2 to update, 0 to delete on 2 hosts.**"),
        (("drift", *STORED), "**1 thing drifts.**"),
        (("why", "web-1", "file//etc/token"), "**file//etc/token on web-1 is as Git says**"),
        (("runs",), "| run | started (UTC) | status |"),
        (("runs", "show", "1"), "**Run 1 succeeded: 4 created, 0 updated, 0 deleted on 2 hosts.**"),
        (("observe", *STORED), "**2 of 3 hosts answered.**"),
    ],
)
def test_markdown_says_the_answer_first(moved: Place, command: tuple[str, ...], starts: str) -> None:
    assert moved.run(*command, "--output", "markdown").out.startswith(starts)


def test_the_last_line_of_a_plan(moved: Place) -> None:
    last = moved.run("plan", *STORED).out.splitlines()[-1]
    assert last == "Plan: 0 to create, 2 to update, 0 to delete on 2 hosts."


def test_the_last_line_without_changes_counts_hosts_that_match(fleet: Place) -> None:
    assert fleet.run("apply", "--yes").code == 0
    said = fleet.run("plan")
    sha = fleet.git("rev-parse", "--short=7", "HEAD")
    assert (said.code, said.out.splitlines()[-1]) == (0, f"No changes. 2 hosts match revision {sha}.")
    fleet.write(
        {
            "hosts/web-2.yaml": "apiVersion: reconciler/v1\nkind: Host\nmetadata: {name: web-2, labels: {role: web}}\n"
            "spec: {address: 127.0.0.1, port: 1}\n"
        }
    )
    fleet.commit()
    said = fleet.run("plan")
    assert (said.code, said.out.splitlines()[-1][:29]) == (0, "No changes. 1 host matches re")


def test_apply_without_and_with_something_to_do(fleet: Place) -> None:
    said = fleet.run("apply", "--yes", "--output", "json")
    assert said.code == 0
    assert (said.document["run"], said.document["counts"]["created"]) == (1, 4)
    idle = fleet.run("apply", "--yes", "--output", "json")
    assert idle.code == 0
    assert idle.document.keys() == said.document.keys()
    assert (idle.document["run"], idle.document["status"]) == (None, "succeeded")
    assert set(idle.document["counts"].values()) == {0}


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_a_plan_is_the_same_byte_for_byte(moved: Place, seed: str) -> None:
    first = moved.run("plan", *STORED, "--output", "json")
    again = moved.run("plan", *STORED, "--output", "json", PYTHONHASHSEED=seed)
    assert again.out == first.out
    assert re.fullmatch("[0-9a-f]+", first.document["digest"])


def test_text_is_the_same_whatever_the_hash_seed(moved: Place) -> None:
    commands = [("plan", *STORED), ("drift", *STORED), ("why", "web-2", "file//etc/web.conf"), ("schema", "any")]
    for command in commands:
        texts = {
            re.sub(r"\d+ (s|min) ago", "ago", moved.run(*command, PYTHONHASHSEED=seed).out) for seed in ("1", "2", "3")
        }
        assert len(texts) == 1


def test_a_change_of_the_service_shows_in_each_form(fleet: Place) -> None:
    """What is created shows its value; sensitive values show as such."""
    text = fleet.run("plan").out
    assert "+ file//etc/web.conf" in text
    assert "+listen 8080" in text
    assert "(sensitive value)" in text
    assert WEB.count("s3cret-canary") == 1
    assert "s3cret-canary" not in text
