"""JSON Schemas (draft 2020-12) of the documents that users write and of the files that we do, for editors and programs.

Made from the pydantic models and the kinds, so they can't say something else than the parser. Must not know where
they are written to.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reconciler.core.gate.policy_cases import CasesForm
from reconciler.core.inventories.inventory_file import inventory_schema
from reconciler.core.notifying.cloudevent import event_schema
from reconciler.core.parsing.documents import FORMS
from reconciler.core.planning.plan_json import plan_schema
from reconciler.kinds import Kind, Registry

Schema: TypeAlias = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{|\{%", "description": "A template: {{ vars.name }}"}
_TEMPLATE_REF: Schema = {"$ref": "#/$defs/template"}
_VAR_NAME: Schema = {"pattern": "^(?!(__)?ansible_)", "not": {"pattern": _TEMPLATE["pattern"]}}


def generate(registry: Registry) -> dict[str, Schema]:
    """Schemas by the name of their file: one for each kind of document, `any.schema.json` for all of them, and those of
    plans, notices, inventories and policies' cases."""
    documents, definitions = _documents(registry)
    schemas = {f"{kind.lower()}.schema.json": _file(schema, definitions) for kind, schema in documents.items()}
    return {
        **schemas,
        "any.schema.json": _file(_any(documents), definitions),
        "inventory.schema.json": inventory_schema(),
        "notice.schema.json": event_schema(),
        "plan.schema.json": plan_schema(),
        "policy-cases.schema.json": {"$schema": _DIALECT, **CasesForm.model_json_schema(by_alias=True)},
    }


def _documents(registry: Registry) -> tuple[dict[str, Schema], Schema]:
    """A schema for each kind of document, and the definitions that they refer to."""
    forms, of_form = _models(list(FORMS.values()), "")
    specs, of_spec = _models([kind.Spec for _, kind in sorted(registry.items())], "kind.")
    specs = {name: _fields_templated(schema) for name, schema in specs.items()}
    entries = {f"resource.{name}": _entry(kind, specs[of_spec[kind.Spec]]) for name, kind in registry.items()}
    ours = {"resource": _resource(registry), "template": _TEMPLATE, "vars": _vars(), "value": _value()}
    definitions = {**forms, **specs, **entries, **ours}
    _point(definitions, registry)
    return {kind: {"title": kind, **definitions[of_form[form]]} for kind, form in FORMS.items()}, definitions


def _models(models: list[type[BaseModel]], prefix: str) -> tuple[Schema, dict[type[BaseModel], str]]:
    """Definitions of models and of those inside of them, and each model's name there.

    The prefix keeps apart what has the same name among documents and among kinds.
    """
    template = f"#/$defs/{prefix}{{model}}"
    references, root = models_json_schema([(model, "validation") for model in models], ref_template=template)
    names = {model: references[(model, "validation")]["$ref"].rpartition("/")[2] for model in models}
    return {prefix + name: _plain(schema) for name, schema in root.get("$defs", {}).items()}, names


def _point(definitions: Schema, registry: Registry) -> None:
    """Puts what models only know as mappings in its place: resources, the names of kinds, vars."""
    definitions["ServiceSpec"]["properties"]["resources"]["items"] = {"$ref": "#/$defs/resource"}
    definitions["ProjectSpec"]["properties"]["kinds"]["items"] = {"enum": sorted(registry)}
    for name in ("HostSpec", "ProjectSpec", "ServiceSpec"):
        properties = definitions[name]["properties"]
        properties["vars"] = {"$ref": "#/$defs/vars", "description": properties["vars"]["description"]}
    definitions["HostSpec"]["if"] = {"properties": {"connection": {"const": "local"}}, "required": ["connection"]}
    definitions["HostSpec"]["then"] = {}
    definitions["HostSpec"]["else"] = {"required": ["address"], "properties": {"root": False}}
    definitions["Check"] |= {"minProperties": 1, "maxProperties": 1}
    definitions["SelectorForm"]["anyOf"] = [
        {"required": ["matchLabels"], "properties": {"matchLabels": {"minProperties": 1}}},
        {"required": ["matchExpressions"], "properties": {"matchExpressions": {"minItems": 1}}},
    ]


def _vars() -> Schema:
    return {"type": "object", "propertyNames": _VAR_NAME, "additionalProperties": {"$ref": "#/$defs/value"}}


def _value() -> Schema:
    """A plain value at any depth: no null, no template, no key of Ansible's."""
    return {
        "anyOf": [
            {"type": "string", "not": {"pattern": _TEMPLATE["pattern"]}},
            {"type": ["number", "boolean"]},
            {"type": "array", "items": {"$ref": "#/$defs/value"}},
            {"$ref": "#/$defs/vars"},
        ]
    }


def _resource(registry: Registry) -> Schema:
    """Chosen by the kind's key. Several kinds may have another kind's name as a field, so any that fits will do."""
    return {
        "type": "object",
        "description": "A resource: - <kind>: <name>, and the fields of that kind.",
        "anyOf": [{"$ref": f"#/$defs/resource.{name}"} for name in sorted(registry)],
    }


def _entry(kind: Kind[Any], spec: Schema) -> Schema:
    name = _templated(_plain(kind.names.json_schema()))
    name.setdefault("description", kind.summary)
    return {
        "type": "object",
        "title": kind.name,
        "description": kind.summary,
        "properties": {kind.name: name, **spec["properties"]},
        "required": [kind.name, *spec.get("required", ())],
        "additionalProperties": False,
    }


def _fields_templated(schema: Schema) -> Schema:
    """A mapping's schema, with a template accepted for each field."""
    fields = {field: _templated(inside) for field, inside in schema.get("properties", {}).items()}
    return {**schema, "properties": fields}


def _templated(schema: Schema) -> Schema:
    """The same, but a template may stand in for any value that isn't a free text."""
    if "anyOf" in schema:
        options = [_templated(option) for option in schema["anyOf"]]
        return {**schema, "anyOf": [*options, *([] if _TEMPLATE_REF in options else [_TEMPLATE_REF])]}
    inside = dict(schema)
    if isinstance(inside.get("items"), dict):
        inside["items"] = _templated(inside["items"])
    if isinstance(inside.get("additionalProperties"), dict):
        inside["additionalProperties"] = _templated(inside["additionalProperties"])
    if inside.get("type") == "string" and not inside.keys() & {"enum", "const", "pattern", "maxLength", "minLength"}:
        return inside
    notes: Schema = {key: inside.pop(key) for key in ("description", "default", "examples") if key in inside}
    return {"anyOf": [inside, _TEMPLATE_REF], **notes}


def _plain(schema: Any) -> Any:
    """Without null, which is refused everywhere, and without titles that only repeat names."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: _plain(v) for k, v in schema.items() if not _is_noise(k, v)}
    options = [option for option in kept.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        return {**options[0], **{k: v for k, v in kept.items() if k != "anyOf"}}
    return {**kept, "anyOf": options} if options else kept


def _is_noise(key: str, value: Any) -> bool:
    if key == "default":
        return value is None or isinstance(value, dict)
    return key == "title" and isinstance(value, str)


def _any(documents: dict[str, Schema]) -> Schema:
    """Any document, told apart by its kind so that an editor completes the right fields."""
    return {
        "title": "Any document",
        "type": "object",
        "properties": {"apiVersion": {"const": "reconciler/v1"}, "kind": {"enum": sorted(documents)}},
        "required": ["apiVersion", "kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{FORMS[kind].__name__}"},
            }
            for kind in sorted(documents)
        ],
    }


def _file(schema: Schema, definitions: Schema) -> Schema:
    """A schema that stands alone, with the definitions that it needs."""
    return {"$schema": _DIALECT, **schema, "$defs": {n: definitions[n] for n in _reachable(schema, definitions)}}


def _reachable(schema: Schema, definitions: Schema) -> list[str]:
    """Names of the definitions that it refers to, directly or not, sorted."""
    found: set[str] = set()
    queue = [schema]
    while queue:
        new = set(_references(queue.pop())) - found
        found |= new
        queue += [definitions[name] for name in new]
    return sorted(found)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _references(item)]
    if not isinstance(schema, dict):
        return []
    own = schema.get("$ref")
    inside = [name for value in schema.values() for name in _references(value)]
    return [own.rpartition("/")[2], *inside] if isinstance(own, str) else inside
