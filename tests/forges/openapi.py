"""A published description of an HTTP API, and whether a request or an answer is as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

HERE = Path(__file__).parent
ROOT = "urn:description"


@dataclass(frozen=True)
class Operation:
    """One method of one path, `at` is its JSON pointer in the description."""

    document: Mapping[str, Any]
    at: str


class Description:
    """A description that `cut_openapi` wrote."""

    def __init__(self, file: Path) -> None:
        self.document = json.loads(file.read_text())
        resource: Any = Resource(contents=self.document, specification=DRAFT202012)
        self._registry: Any = Registry().with_resource(ROOT, resource)

    def operation(self, method: str, path: str) -> Operation:
        """Fails when there is none. A path without parameters goes before one with."""
        for template in sorted(self.document["paths"], key=lambda text: text.count("{")):
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            found = self.document["paths"][template].get(method.lower())
            if found is not None and re.fullmatch(pattern, path):
                return Operation(found, f"/paths/{_escaped(template)}/{method.lower()}")
        raise AssertionError("this is no operation of the description")

    def check_request(self, operation: Operation, query: Mapping[str, str], document: Any) -> None:
        """Fails when something is sent that is not described, or otherwise than described."""
        parameters = {each["name"]: each for each in map(self._resolved, operation.document.get("parameters", ()))}
        for name, value in query.items():
            assert name in parameters, f"there is no parameter {name}"
            assert parameters[name]["in"] == "query"
            wanted = parameters[name]["schema"]
            self._hold(wanted, int(value) if wanted.get("type") == "integer" else value)
        body = operation.document.get("requestBody")
        if document is None:
            assert not (body or {}).get("required"), "a body is required"
            return
        assert body, "this operation takes no body"
        self._hold({"$ref": f"{ROOT}#{operation.at}/requestBody/content/application~1json/schema"}, document)
        unknown = set(document) - self._properties(body["content"]["application/json"]["schema"])
        assert not unknown, f"the body has unknown fields: {unknown}"

    def check_answer(self, operation: Operation, status: int, document: Any) -> None:
        """Fails when the server of the tests answers what the real one would not."""
        responses = operation.document["responses"]
        assert str(status) in responses, f"{status} is not described"
        described = self._resolved(responses[str(status)])
        if "content" not in described:
            assert document is None, "this answer has no body"
            return
        at = responses[str(status)].get("$ref", f"#{operation.at}/responses/{status}").removeprefix("#")
        self._hold({"$ref": f"{ROOT}#{at}/content/application~1json/schema"}, document)

    def sample(self, schema: Any) -> Any:
        """The least that a schema asks for."""
        schema = self._resolved(schema)
        if "allOf" in schema:
            return {key: value for part in schema["allOf"] for key, value in self.sample(part).items()}
        for choice in ("anyOf", "oneOf"):
            if choice in schema and "properties" not in schema:
                return self.sample(schema[choice][0])
        if "enum" in schema:
            return schema["enum"][0]
        kinds = schema.get("type", "object")
        return self._of_type(kinds if isinstance(kinds, str) else kinds[0], schema)

    def component(self, name: str) -> Any:
        """The least of a named schema."""
        return self.sample({"$ref": f"#/components/schemas/{name}"})

    def _of_type(self, kind: str, schema: Any) -> Any:
        match kind:
            case "object":
                wanted = schema.get("required", ())
                return {name: self.sample(schema["properties"][name]) for name in wanted}
            case "array":
                return []
            case "string":
                return "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else "x"
            case "integer" | "number":
                return 1
            case "boolean":
                return False
            case _:
                return None

    def _hold(self, schema: Any, document: Any) -> None:
        validator = Draft202012Validator(self._rooted(schema), registry=self._registry)
        errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message:.300}" for e in validator.iter_errors(document)]
        assert not errors, "; ".join(errors)

    def _rooted(self, schema: Any) -> Any:
        """A part of the document, with references into it from outside."""
        text = json.dumps(schema).replace('"$ref": "#/', f'"$ref": "{ROOT}#/')
        return json.loads(text)

    def _resolved(self, part: Any) -> Any:
        while isinstance(part, dict) and "$ref" in part:
            found: Any = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            part = found
        return part

    def _properties(self, schema: Any) -> set[str]:
        schema = self._resolved(schema)
        inner = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return set(schema.get("properties", ())) | {name for part in inner for name in self._properties(part)}


def _escaped(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")


@cache
def github(edition: str) -> Description:
    """GitHub's own, of the hosted one (`github`) or of Enterprise Server (`ghes`)."""
    return Description(HERE / f"{edition}.openapi.json")
