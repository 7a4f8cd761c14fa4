"""A notice as a CloudEvent (version 1.0 of the specification, JSON in structured mode), for other programs.

Must not know how it is sent or signed.
"""

from __future__ import annotations

from typing import Any, get_args

import orjson

from reconciler.core.instant import to_text
from reconciler.core.notifying.wording import said, what_next
from reconciler.model.notice import Notice, NoticeKind

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE = "reconciler."


def event(notice: Notice, store: str) -> dict[str, Any]:
    """The event. Its `id` with its `source` names it for ever: one that comes twice has the same."""
    scope = notice.services[0] if len(notice.services) == 1 else ""
    subject = "/".join(part for part in (notice.project, scope) if part)
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/reconciler/{store}",
        "type": TYPE + notice.kind,
        **({"subject": subject} if subject else {}),
        "time": to_text(notice.at),
        "datacontenttype": "application/json",
        "data": {
            "kind": notice.kind,
            "services": list(notice.services),
            "project": notice.project,
            "owner": notice.owner,
            "revision": notice.revision,
            "plan": notice.plan,
            "resources": notice.resources,
            "reasons": list(notice.reasons),
            "summary": said(notice),
            "next": what_next(notice),
        },
    }


def event_bytes(notice: Notice, store: str) -> bytes:
    """The event as it is sent: the same bytes each time."""
    return orjson.dumps(event(notice, store), option=orjson.OPT_SORT_KEYS)


def event_schema() -> dict[str, Any]:
    """The JSON Schema of the events."""
    text, names = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    data = {
        "kind": {"enum": list(get_args(NoticeKind)), "description": "What it is about."},
        "services": {**names, "minItems": 1, "description": "The services that it is about, sorted."},
        "project": {**text, "description": "Their project; empty: none."},
        "owner": {**text, "description": "Who owns them; empty: nobody is named."},
        "revision": {**text, "description": "The revision that it happened at; empty: any."},
        "plan": {**text, "description": "The digest of the plan that was refused; empty: there is none."},
        "resources": {"type": "integer", "minimum": 0, "description": "Resources on hosts that drift."},
        "reasons": {**names, "description": "Why, in words. They may have names from Git or hosts in them."},
        "summary": {**text, "description": "All of it in one line for people."},
        "next": {**text, "description": "The command to go on with; empty: nothing is to be done."},
    }
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The same for one that comes twice."},
        "source": {"type": "string", "format": "uri-reference", "description": "The store that it comes from."},
        "type": {"enum": [TYPE + kind for kind in get_args(NoticeKind)]},
        "subject": {"type": "string", "minLength": 1, "description": "PROJECT/SERVICE, or either, if it is one."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {
            "type": "object",
            "properties": data,
            "required": list(data),
            "additionalProperties": False,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Notice",
        "description": "What Reconciler tells other programs: a CloudEvent.",
        "type": "object",
        "properties": attributes,
        "required": [name for name in attributes if name != "subject"],
        "additionalProperties": False,
    }
