"""JSON documents that leave and enter Reconciler as files: reading them safely, and checking them by their schema.

Knows nothing of what a document means; each format's own module does (`plan_json`, `inventory_file`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

LARGEST = 64 * 1024 * 1024
"""Bytes of a document. Checked before it is parsed."""
MOST_ERRORS = 20
LONGEST_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Format:
    """What a document is called, which version of it we know, how it is checked, and how to get a good one."""

    noun: str
    version: int
    check: Callable[[Any], list[str]]
    hint: str


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document model."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(by_alias=True, mode="serialization"),
    }


def violations(schema: Mapping[str, Any], document: Any) -> list[str]:
    """What the schema has against a document, each with its place; at most `MOST_ERRORS` of them."""
    from jsonschema import Draft202012Validator

    found: list[str] = []
    for error in Draft202012Validator(schema).iter_errors(document):
        found.append(_said(error))
        if len(found) == MOST_ERRORS:
            break
    return found


def load(data: bytes, form: Format) -> dict[str, Any]:
    """The checked document in `data`. Raises Stalled when it is none of this format and version."""
    if len(data) > LARGEST:
        raise Stalled(f"this {form.noun} has {len(data):,} bytes; the limit is {LARGEST:,}", form.hint)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # Its text may quote the input; the position is enough.
        raise Stalled(f"this is not a {form.noun}: not JSON (line {error.lineno})", form.hint) from None
    if not isinstance(document, dict) or "format_version" not in document:
        raise Stalled(f"this is not a {form.noun}: it has no format_version", form.hint)
    version = document["format_version"]
    if version != form.version or isinstance(version, bool):
        shown = version if isinstance(version, int) else "of another kind"
        raise Stalled(
            f"this {form.noun} has format_version {shown}; this version of Reconciler reads {form.version}", form.hint
        )
    if problems := form.check(document):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise Stalled(f"this is not a valid {form.noun}: {problems[0]}{more}", form.hint)
    return document


def shown(text: str) -> str:
    """A name out of a document for a message: short, on one line, nothing in it that a terminal acts on."""
    return text.encode("unicode_escape").decode()[:LONGEST_MESSAGE]


def _said(error: ValidationError) -> str:
    # jsonschema quotes values with repr, so they are plain already.
    place = shown("/".join(str(part) for part in error.absolute_path))
    message = error.message if len(error.message) <= LONGEST_MESSAGE else error.message[:LONGEST_MESSAGE] + "…"
    return f"{place or 'document'}: {message}"
