"""Notices as JSON and back, for the store that keeps them. Must not know the store."""

from __future__ import annotations

from typing import Any

from reconciler.core.instant import from_text, to_text
from reconciler.model.notice import Notice


def notice_document(notice: Notice) -> dict[str, Any]:
    """A notice as a JSON object."""
    return {
        "id": notice.id,
        "kind": notice.kind,
        "at": to_text(notice.at),
        "services": list(notice.services),
        "project": notice.project,
        "owner": notice.owner,
        "revision": notice.revision,
        "plan": notice.plan,
        "resources": notice.resources,
        "reasons": list(notice.reasons),
    }


def read_notice(document: dict[str, Any]) -> Notice:
    """The notice that `notice_document` wrote. Raises KeyError, ValueError for anything else."""
    return Notice(
        id=document["id"],
        kind=document["kind"],
        at=from_text(document["at"]),
        services=tuple(document["services"]),
        project=document["project"],
        owner=document["owner"],
        revision=document["revision"],
        plan=document["plan"],
        resources=document["resources"],
        reasons=tuple(document["reasons"]),
    )
