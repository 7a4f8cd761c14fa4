"""What came of saying something on a pull request, by count, and in words. Must not know forges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from reconciler.core.proposing.thread import Notice, Saying
from reconciler.core.words import Line, counted, printable

FORK = "from a fork: nothing is written. docs/pull-requests.md says how to write there too"
OVERTAKEN = "the pull request has a newer commit by now: its comments are left to whoever plans that one"


@dataclass(slots=True)
class Said:
    """What was written, by count. `overtaken`: the pull request has another head by now, so no comment was touched."""

    overtaken: bool = False
    statuses: int = 0
    added: int = 0
    edited: int = 0
    erased: int = 0
    labels: int = 0
    fresh: list[Notice] = field(default_factory=list)

    @property
    def writes(self) -> int:
        """How many things are not as they were found."""
        return self.statuses + self.added + self.edited + self.erased + self.labels


def said_text(saying: Saying, said: Said | None, note: str) -> Iterator[Line]:
    """What is said for each project, and last what was written (None: nothing was to be)."""
    for notice in saying.notices:
        name = f"{printable(notice.project or 'no project')}: " if notice.project is not None else ""
        yield Line(f"{name}{printable(notice.comment.summary)}", "warn" if notice.comment.fails else "")
    if said is not None:
        yield Line(_written(said), "bold")
    if note:
        yield Line(note, "warn")


def said_document(pull: int, saying: Saying, said: Said | None, note: str) -> dict[str, Any]:
    """The same as one JSON document; with the comments' texts."""
    written = None
    if said is not None:
        written = {name: getattr(said, name) for name in ("statuses", "added", "edited", "erased", "labels")}
    return {
        "format_version": 1,
        "pull": pull or None,
        "comments": [{"project": notice.project, **asdict(notice.comment)} for notice in saying.notices],
        "written": written,
        "note": note,
    }


def _written(said: Said) -> str:
    parts = [
        f"{counted(number, what)} {done}"
        for number, what, done in (
            (said.added, "comment", "added"),
            (said.edited, "comment", "edited"),
            (said.erased, "comment", "removed"),
            (said.statuses, "status", "set"),
            (said.labels, "label", "changed"),
        )
        if number
    ]
    return f"On the pull request: {', '.join(parts)}." if parts else "All of it stands there already: nothing written."
