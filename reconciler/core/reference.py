"""The reference of resource kinds as Markdown, from what the kinds say of themselves.

Knows Markdown tables and the parts of JSON Schema that pydantic writes for specs. Must not know where pages are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from reconciler.kinds import Kind, Registry
from reconciler.kinds.base import COMMON

JsonSchema = Mapping[str, Any]
Row = tuple[str, ...]
TYPES = {"string": "text", "integer": "number", "boolean": "true or false", "null": "nothing"}


def reference(registry: Registry) -> dict[str, str]:
    """One Markdown page for each kind, by the kind's name, and `index`: the list of them."""
    pages = {name: _page(registry[name]) for name in sorted(registry)}
    rows = [(f"[`{name}`]({name}.md)", registry[name].summary) for name in sorted(registry)]
    return {**pages, "index": "# Kinds of resources\n\n" + _table(("kind", "what it is"), rows)}


def _page(kind: Kind[Any]) -> str:
    fields, common = _fields(kind.Spec)
    headings = ("field", "type", "default", "meaning")
    sections = (
        ("Example", _fenced(kind.example, "yaml")),
        ("Fields", _table(headings, fields) if fields else "It has no fields of its own.\n"),
        ("On the host", _table(("when", "what happens"), _behaviour(kind))),
        ("Fields of every resource", _table(headings, common)),
    )
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# {kind.name}\n\n{kind.summary}\n\n{body}"


def _behaviour(kind: Kind[Any]) -> Iterator[tuple[str, str]]:
    yield "absent", kind.when_absent
    yield "present but different", kind.when_different
    yield "unknown", kind.when_unknown
    yield "gone from Git", kind.on_delete
    if kind.reacts:
        yield "others change", "`restart_on` and `reload_on` name resources whose change restarts or reloads it."
    if kind.secret:
        yield "shown", f"Never shown: {', '.join(f'`{field}`' for field in sorted(kind.secret))}."
    rooted = "Yes." if kind.rooted else "No: it needs a real machine."
    yield "host is a directory (`root`)", rooted


def _fields(spec: type[BaseModel]) -> tuple[list[Row], list[Row]]:
    """Rows of a spec's own fields, required ones first, and of the common ones."""
    schema = spec.model_json_schema(by_alias=True)
    definitions, required = schema.get("$defs", {}), schema.get("required", ())
    properties = sorted(schema["properties"].items(), key=lambda item: item[0] not in required)
    rows: list[Row] = [
        (
            f"`{name}`",
            _type(part, definitions),
            "required" if name in required else _default(part),
            _described(part),
        )
        for name, part in properties
    ]
    own = [row for row, (name, _) in zip(rows, properties, strict=True) if name not in COMMON]
    common = [row for row, (name, _) in zip(rows, properties, strict=True) if name in COMMON]
    return own, common


def _type(part: JsonSchema, definitions: Mapping[str, JsonSchema]) -> str:
    match part:
        case {"$ref": reference}:
            return _type(definitions[reference.rpartition("/")[2]], definitions)
        case {"anyOf": options}:
            return " or ".join(dict.fromkeys(_type(o, definitions) for o in options if o.get("type") != "null"))
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"type": "array"}:
            return f"list of {_type(part.get('items', {}), definitions)}"
        case {"type": "object"}:
            return _object(part, definitions)
        case {"type": name}:
            return TYPES.get(name, str(name))
        case _:
            return "anything"


def _object(part: JsonSchema, definitions: Mapping[str, JsonSchema]) -> str:
    names = ", ".join(f"`{name}`" for name in part.get("properties", ()))
    if names:
        return f"mapping with {names}"
    values = part.get("additionalProperties")
    return f"mapping to {_type(values, definitions)}" if isinstance(values, Mapping) else "mapping"


def _default(part: JsonSchema) -> str:
    match part.get("default"):
        case None | [] | {}:
            return "none"
        case bool() as value:
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


def _described(part: JsonSchema) -> str:
    """The field's own description, else those of the types that it may have."""
    if "description" in part:
        return str(part["description"])
    return " ".join(str(o["description"]) for o in part.get("anyOf", ()) if "description" in o)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    ruled = [list(headings), ["---" for _ in headings], *([_cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in ruled)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}```\n"
