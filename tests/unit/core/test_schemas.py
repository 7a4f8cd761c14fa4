"""Schemas accept what the parser accepts and refuse what they can of what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from yaml import safe_load, safe_load_all

from reconciler.core.schemas import generate
from tests.sample import HOST, SERVICE, host, project, registry, service

SCHEMAS = generate(registry())
FITTING = SERVICE.replace("group: www\n      user: nginx", "user: nginx\n      group: www").replace(
    "heal: off", 'heal: "off"'
)
GOOD = [
    HOST,
    SERVICE.replace("heal: off", 'heal: "off"'),
    host("me", spec="connection: local, root: /srv"),
    project("p", "hosts: {matchExpressions: [{key: a, operator: Exists}]}, kinds: [file]"),
]
REFUSED = {
    "unknown-field", "missing-field", "wrong-type", "bad-choice", "unquoted-mode", "null-value", "ansible-key",
    "empty-selector", "host-without-address", "unknown-api-version", "unknown-document-kind", "out-of-range",
    "template-in-vars", "bad-share", "bad-duration", "unknown-kind", "bad-health-check",
}  # fmt: skip
"""What a schema must refuse too. Texts that break finer rules are for the parser."""


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"])


def test_one_for_each_kind_and_one_for_any() -> None:
    names = ("any", "freeze", "host", "inventory", "notice", "plan", "policy-cases", "policy", "project", "service")
    names += ("window",)
    assert sorted(SCHEMAS) == [f"{n}.schema.json" for n in names]
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "null" not in json.dumps(schema) or schema["title"] in ("Plan", "Policy cases")
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", GOOD)
def test_good_documents(text: str) -> None:
    value = safe_load(text)
    assert [e.message for e in validator(value["kind"].lower()).iter_errors(value)] == []
    assert [e.message for e in validator("any").iter_errors(value)] == []
    other = "project" if value["kind"] != "Project" else "host"
    assert not validator(other).is_valid(value)


def _mistakes() -> list[Any]:
    table = safe_load((Path(__file__).parents[2] / "badinput" / "documents.yaml").read_text())
    return [pytest.param(case["text"], id=case["name"]) for case in table if case["reason"] in REFUSED]


@pytest.mark.parametrize("text", _mistakes())
def test_mistakes(text: str) -> None:
    # YAML 1.1 reads words like `off` as truth values; the parser's meaning is what counts here.
    values = list(safe_load_all(text.replace(": on\n", ': "on"\n').replace(": yes}", ': "yes"}')))
    assert not any(validator("any").is_valid(value) for value in values)


def test_entries_say_their_fields_and_what_they_mean() -> None:
    entry = SCHEMAS["service.schema.json"]["$defs"]["resource.package"]
    assert entry["required"] == ["package"]
    assert entry["additionalProperties"] is False
    assert entry["properties"]["version"] == {"type": "string", "description": "The version; any when left out."}
    assert entry["properties"]["retries"]["anyOf"] == [
        {"maximum": 10, "minimum": 0, "type": "integer"},
        {"$ref": "#/$defs/template"},
    ]


def test_the_same_kinds_give_the_same_bytes() -> None:
    backwards = dict(reversed(registry().items()))
    assert json.dumps(generate(backwards)) == json.dumps(SCHEMAS)


def test_a_service_without_kinds_is_possible() -> None:
    assert validator("service").is_valid(safe_load(service("a")))
