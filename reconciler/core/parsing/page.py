"""A value that somebody wrote together with where it stands: what a check needs to say what is wrong with it.

Must not know what is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.core.parsing.marks import KEY, Path, TreeMarks
from reconciler.core.parsing.text import Text
from reconciler.core.quote import quote
from reconciler.model.problem import Problem, Severity


@dataclass(frozen=True, slots=True)
class Page:
    """`document` is `Kind/name` (empty: not known); `subject` is what people call the value, such as package/nginx."""

    value: Any
    marks: TreeMarks
    text: Text
    document: str = ""
    subject: str = ""

    def under(self, path: Path, subject: str) -> Page:
        """The page of a value inside; paths are then relative to it."""
        return Page(self.at(path), self.marks.under(path), self.text, self.document, subject)

    def at(self, path: Path) -> Any:
        value = self.value
        for step in path:
            value = value[step]
        return value

    def raw(self, path: Path) -> str:
        """The value as it was written, or quoted where that is long."""
        piece = self.text.piece(self.marks[path], self.marks.width(path))
        return piece if piece and len(piece) <= 40 and piece.isprintable() else quote(self.at(path))

    def label(self, path: Path) -> str:
        """How messages name a value inside: `spec.rollout.batches[2]`, or the subject itself."""
        text = "".join(f"[{s}]" if isinstance(s, int) else f".{_step(s)}" for s in path)
        return text.lstrip(".") or self.subject

    def problem(
        self, path: Path, reason: str, message: str, hint: str = "", *, severity: Severity = "error"
    ) -> Problem:
        """A problem at a path (with `~key` as its last step: at the key), or at what is nearest to it."""
        found = self.marks.nearest(path)
        if found != path and found and isinstance(found[-1], str):
            found = (*found, KEY)
        width = self.marks.width(found)
        return Problem(self.marks[found], reason, message, self.document, hint, severity, width)


def _step(step: str) -> str:
    return step if step.isidentifier() else quote(step)
