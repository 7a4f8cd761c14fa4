"""The published schemas: as committed, valid, and of one mind with the parser about documents."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from yaml import safe_load

from reconciler.cli.schema import written
from reconciler.core.parsing.limits import DEFAULT
from reconciler.core.parsing.parse import parse
from reconciler.core.parsing.yaml import read
from reconciler.core.schemas import generate
from reconciler.kinds import builtin
from tests.sample import registry

FOLDER = Path(__file__).parents[3] / "schemas"
CASES = Path(__file__).parents[2] / "badinput/documents.yaml"
GENERATED = generate(builtin())

SEEN_BY_SCHEMAS = {
    "host-without-address", "missing-field", "null-value", "root-without-local", "unknown-field", "unknown-kind",
    "wrong-type",
}  # fmt: skip
"""Reasons of problems of structure, which editors underline; what is only found in a text or its meaning isn't here."""


def test_what_is_committed_is_what_the_models_say() -> None:
    committed = {p.name: p.read_text() for p in FOLDER.glob("*.json")}
    assert committed == {name: written(schema) for name, schema in GENERATED.items()}, "run `make schemas`"


@pytest.mark.parametrize("name", GENERATED)
def test_every_schema_is_valid(name: str) -> None:
    schema = GENERATED[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", GENERATED)
def test_every_reference_leads_somewhere_and_every_definition_is_used(name: str) -> None:
    schema = GENERATED[name]
    text = json.dumps(schema)
    used = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used == schema.get("$defs", {}).keys()


@cache
def any_document(real: bool) -> Draft202012Validator:
    return Draft202012Validator(generate(builtin() if real else registry())["any.schema.json"])


def fits(document: Any, *, real: bool = True) -> bool:
    return any_document(real).is_valid(document)


def document(kind: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec, **more}


WEB = {"matchLabels": {"role": "web"}}
GOOD = [
    document("Host", {"address": "192.0.2.1"}),
    document("Host", {"connection": "local", "root": "/srv/x"}),
    document(
        "Host", {"address": "db.example.org", "port": 2222, "user": "me", "become": True, "vars": {"a": [1, "b"]}}
    ),
    document("Project", {"description": "x", "kinds": ["file", "package"], "limits": {"deletes": 3}}),
    document("Service", {"hosts": WEB, "resources": [{"package": "nginx", "version": "{{ vars.version }}"}]}),
    document("Service", {"hosts": {"matchExpressions": [{"key": "role", "operator": "Exists"}]}}),
    document("Service", {"hosts": WEB, "resources": [{"file": "/etc/x", "content": "x", "mode": "{{ vars.mode }}"}]}),
    document("Service", {"hosts": WEB, "resources": [{"service": "nginx", "state": "running", "enabled": True}]}),
    document("Service", {"hosts": WEB, "resources": [{"user": "me", "group": "staff", "groups": ["a"]}]}),
    document("Service", {"hosts": WEB, "rollout": {"canary": 1, "batches": ["1%", "100%"], "maxFailures": "2%"}}),
]
BAD = [
    document("Host", {}),
    document("Host", {"address": "192.0.2.1", "root": "/srv"}),
    document("Host", {"address": "192.0.2.1", "port": "22"}),
    document("Host", {"address": "192.0.2.1", "port": 70000}),
    document("Host", {"address": "192.0.2.1", "vars": {"ansible_user": "root"}}),
    document("Host", {"address": "192.0.2.1", "vars": {"a": None}}),
    document("Host", {"address": "192.0.2.1", "vars": {"a": "{{ lookup('pipe', 'id') }}"}}),
    document("Host", {"address": "192.0.2.1"}, extra=1),
    document("Service", {}),
    document("Service", {"hosts": {}}),
    document("Service", {"hosts": {"matchLabels": {}}}),
    document("Service", {"hosts": WEB, "resources": [{"nothing": "x"}]}),
    document("Service", {"hosts": WEB, "resources": [{"file": "/etc/x", "mode": 420}]}),
    document("Service", {"hosts": WEB, "resources": [{"file": "/etc/x", "contents": "x"}]}),
    document("Service", {"hosts": WEB, "resources": ["file"]}),
    document("Project", {"kinds": ["fil"]}),
    document("Pod", {}),
    {"kind": "Host"},
    [],
    None,
]


@pytest.mark.parametrize("value", GOOD, ids=lambda v: f"{v['kind']} {v['spec']}"[:60])
def test_what_parses_fits(value: dict[str, Any]) -> None:
    found = parse([("a.yaml", json.dumps(value).encode())], builtin())
    assert found.problems == ()
    assert fits(value)
    assert Draft202012Validator(GENERATED[f"{value['kind'].lower()}.schema.json"]).is_valid(value)


@pytest.mark.parametrize("value", BAD, ids=lambda v: str(v)[-60:])
def test_what_does_not_parse_does_not_fit(value: Any) -> None:
    assert parse([("a.yaml", json.dumps(value).encode())], builtin()).problems or value is None
    assert not fits(value)


def structural() -> list[Any]:
    cases = [case for case in safe_load(CASES.read_text()) if case["reason"] in SEEN_BY_SCHEMAS]
    return [pytest.param(case["text"], id=case["name"]) for case in cases]


@pytest.mark.parametrize("text", structural())
def test_mistakes_of_structure_do_not_fit(text: str) -> None:
    documents = read("a.yaml", text.encode(), DEFAULT).documents
    assert [d for d in documents if not fits(d.value, real=False)]


def test_an_empty_plan_fits() -> None:
    from reconciler.core.planning.plan_json import plan_document, sealed
    from reconciler.model.plan import Plan, Summary

    plan = sealed(Plan("a" * 40, "f", None, 0, 0, (), {}, (), (), Summary()))
    assert Draft202012Validator(GENERATED["plan.schema.json"]).is_valid(plan_document(plan))
    assert not Draft202012Validator(GENERATED["plan.schema.json"]).is_valid({"format_version": 1})
