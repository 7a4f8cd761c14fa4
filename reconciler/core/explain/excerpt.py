"""The lines around a problem as they stand in a file, without what is secret in them.

A broken document says nothing that could be relied on, so this goes by how YAML is indented: it rather hides too much.
Knows the look of a file only, no documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from reconciler.core.quote import SENSITIVE

LINES_BEFORE = 2
LinesOf = Callable[[str], Sequence[str]]
"""The lines of a file of the repository; none if it can't be shown."""

_SENSITIVE = re.compile(r"""\bsensitive["']?\s*:\s*["']?[Tt]""")
_NAMED = re.compile(
    r"""[\w.-]*(?:password|passwd|passphrase|secret|token|private_?key)[\w.-]*["']?\s*:""", re.IGNORECASE
)
_ITEM = re.compile(r"(\s*)- ")
_MARK = re.compile(r"\s*(?:- +)?sensitive:\s*\w+\s*$")
_KEY = re.compile(r"""\s*(?:- +)*["']?[\w.-]+["']?:(?=\s)""")


class Excerpts:
    """Excerpts of files. What is secret in a file is found once, however many problems it has."""

    def __init__(self, lines_of: LinesOf) -> None:
        self._lines_of = lines_of
        self._secret: dict[str, frozenset[int]] = {}

    def lines(self, path: str, number: int) -> list[str]:
        """The line of that number (from 1) with those before it; nothing if the file has no such line."""
        lines = self._lines_of(path)
        if not 1 <= number <= len(lines):
            return []
        if path not in self._secret:
            self._secret[path] = secret_lines(lines)
        secret = self._secret[path]
        return [
            _masked(lines[n]) if n in secret else lines[n] for n in range(max(0, number - 1 - LINES_BEFORE), number)
        ]


def secret_lines(lines: Sequence[str]) -> frozenset[int]:
    """The numbers (from 0) of lines with a secret: of items that say `sensitive: true`, and of keys named like one."""
    found: set[int] = set()
    for n, line in enumerate(lines):
        if n in found:
            continue
        if match := _SENSITIVE.search(line):
            start, indent = _item(lines, n, match.start())
            found.update(range(start, _end(lines, start, indent)))
        elif match := _NAMED.search(line):
            found.update(range(n, _end(lines, n, match.start())))
    return frozenset(found)


def _item(lines: Sequence[str], n: int, column: int) -> tuple[int, int]:
    """Where the item of a list that a line belongs to begins: the line's number, and the column of its dash."""
    for start in range(n, -1, -1):
        item = _ITEM.match(lines[start])
        if item and len(item[1]) < column:
            return start, len(item[1])
    return n, column


def _end(lines: Sequence[str], start: int, indent: int) -> int:
    """The first line after `start` that is indented no further."""
    for n in range(start + 1, len(lines)):
        text = lines[n].lstrip()
        if text and len(lines[n]) - len(text) <= indent:
            return n
    return len(lines)


def _masked(line: str) -> str:
    if _MARK.match(line):
        return line
    key = _KEY.match(line)
    if key is None:
        return line[: len(line) - len(line.lstrip())] + SENSITIVE
    return line if key.end() == len(line.rstrip()) else f"{key[0]} {SENSITIVE}"
