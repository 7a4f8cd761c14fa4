"""Documents that differ only in their words: the YAML reader looks at one of them, the others are filled in.

A stencil is a document's text with its values cut out. YAML gives two texts of one stencil the same structure, so a
repository with 100,000 hosts is read through a handful of them. Which values were cut out and where they belong is
learned from the YAML reader itself, with a mark in the place of each word; what can't be learned without doubt (text
in several lines, anchors, tags, quotes in quotes, …) has no stencil. Must not know what documents mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from reconciler.core.parsing.fields import is_template
from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.marks import KEY
from reconciler.core.parsing.plain import is_clean
from reconciler.core.parsing.scalars import resolve
from reconciler.core.parsing.yaml import RawDocument, read

# A word: in double quotes; or plain, beginning with a letter or digit, with nothing in it that means something in
# YAML, and before the end of a value (so no key); or a comment. Quotes and # stay with the text around it.
_WORD = re.compile(
    r"""((?<=[ \[]")[ !#-\[\]-~]*(?=")
        |(?<=[ \[])[A-Za-z0-9][A-Za-z0-9_./-]{0,255}(?=[ ,}\]\n]|\Z)
        |(?<=[ \n]\#)[^\n]*)""",
    re.VERBOSE,
)
# What may stand around words: keys, indentation, brackets. A quote or a # only at the edge of a word.
_AROUND = re.compile(r'"?[A-Za-z0-9_./ \n:{},\[\]-]*["#]?')
_NAME = ("metadata", "name", KEY)
_MOST = 2_000
"""Stencils that are kept: a repository that has more gains nothing from them."""
_MOST_WORDS = 50_000

_Node: TypeAlias = "int | dict[str, _Node] | list[_Node]"
"""A document's structure; an integer is a value's position among the words and then the constants."""


class Read(NamedTuple):
    """A document's value, the line and column (from 1) of the key of its name.

    `lines` and `nodes` are how many breaks and values (keys too) the text has.
    """

    value: Any
    line: int
    column: int
    lines: int
    nodes: int


@dataclass(frozen=True, slots=True)
class _Stencil:
    """`quoted` are the words that are text whatever they look like; `before` those in the line of the name before it.

    `column` is that of the name's key when these words are empty.
    """

    root: _Node
    constants: tuple[Any, ...]
    quoted: frozenset[int]
    comments: frozenset[int]
    line: int
    column: int
    before: tuple[int, ...]
    lines: int
    nodes: int


class Unfit(Exception):
    """A word that can't stand in a usable document as it is: no value, a number that is too large, a template."""


class _Words(dict[str, Any]):
    """What plain words mean. Equal ones are one object."""

    def __missing__(self, word: str) -> Any:
        try:
            value = resolve(word)
        except ValueError:
            raise Unfit from None
        if value is None:
            raise Unfit
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = word if value == word else value
        return self[word]


class Stencils:
    """Remembers the stencils it has seen, and words, so that equal ones are one object."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[tuple[str, ...], _Stencil | None] = {}
        self._words = _Words()

    def read(self, text: str) -> Read | None:
        """A document that stands alone in a text, None where only the YAML reader can tell. Never wrong, never null."""
        pieces = _WORD.split("\n" + text)
        around, words = tuple(pieces[::2]), pieces[1::2]
        if around not in self._known:
            if len(self._known) >= _MOST:
                return None
            self._known[around] = _learned(around, self._limits)
        stencil = self._known[around]
        if stencil is None:
            return None
        try:
            values = [*self._values(stencil, words), *stencil.constants]
        except Unfit:
            return None
        column = stencil.column + sum(len(words[i]) for i in stencil.before)
        return Read(_filled(stencil.root, values), stencil.line, column, stencil.lines, stencil.nodes)

    def _values(self, stencil: _Stencil, words: list[str]) -> list[Any]:
        if not stencil.quoted and not stencil.comments:
            return [self._words[word] for word in words]
        return [self._value(stencil, i, word) for i, word in enumerate(words)]

    def _value(self, stencil: _Stencil, i: int, word: str) -> Any:
        if i in stencil.comments:
            return None
        if i not in stencil.quoted:
            return self._words[word]
        if is_template(word):
            raise Unfit
        return word


def _filled(node: _Node, values: list[Any]) -> Any:
    if isinstance(node, int):
        return values[node]
    if isinstance(node, dict):
        return {k: values[n] if type(n) is int else _filled(n, values) for k, n in node.items()}
    return [_filled(n, values) for n in node]


def _learned(around: tuple[str, ...], limits: Limits) -> _Stencil | None:
    """What the YAML reader makes of the text with a mark in the place of each word; None when there is any doubt."""
    if not all(_AROUND.fullmatch(piece) for piece in around):
        return None
    comments = frozenset(i for i, piece in enumerate(around[:-1]) if piece.endswith("#"))
    marks = ["" if i in comments else _mark(i) for i in range(len(around) - 1)]
    text = "".join(piece + mark for piece, mark in zip(around, [*marks, ""], strict=True))
    found = read("", text[1:].encode(), limits)
    if found.problem or len(found.documents) != 1 or found.documents[0].problems:
        return None
    document = found.documents[0]
    if not is_clean(document.value) or _NAME not in document.marks:
        return None
    return _stencil(document, text, marks, around)


def _stencil(document: RawDocument, text: str, marks: list[str], around: tuple[str, ...]) -> _Stencil | None:
    positions = {mark: i for i, mark in enumerate(marks) if mark}
    used: list[int] = []
    constants: list[Any] = []
    root = _structure(document.value, positions, used, constants)
    if sorted(used) != sorted(positions.values()):
        return None
    place = document.marks[_NAME]
    line = text[1:].split("\n")[place.line - 1][: place.column - 1]
    before = tuple(i for mark, i in positions.items() if mark in line)
    return _Stencil(
        root=_offset(root, len(marks)),
        constants=tuple(constants),
        quoted=frozenset(i for i, piece in enumerate(around[:-1]) if piece.endswith('"')),
        comments=frozenset(i for i, mark in enumerate(marks) if not mark),
        line=place.line,
        column=place.column - sum(len(marks[i]) for i in before),
        before=before,
        lines=text[1:].count("\n"),
        nodes=_nodes(root),
    )


def _nodes(node: _Node) -> int:
    if isinstance(node, dict):
        return 1 + len(node) + sum(map(_nodes, node.values()))
    return 1 + sum(map(_nodes, node)) if isinstance(node, list) else 1


def _structure(value: Any, positions: dict[str, int], used: list[int], constants: list[Any]) -> _Node:
    """Words by their position, constants by ~position, so that both can be told apart."""
    if isinstance(value, dict):
        return {key: _structure(item, positions, used, constants) for key, item in value.items()}
    if isinstance(value, list):
        return [_structure(item, positions, used, constants) for item in value]
    if isinstance(value, str) and value in positions:
        used.append(positions[value])
        return positions[value]
    constants.append(value)
    return ~(len(constants) - 1)


def _offset(node: _Node, words: int) -> _Node:
    """Constants stand behind the words."""
    if isinstance(node, dict):
        return {key: _offset(item, words) for key, item in node.items()}
    if isinstance(node, list):
        return [_offset(item, words) for item in node]
    return node if node >= 0 else words + ~node


def _mark(i: int) -> str:
    """A plain word that is text, as long for every word, so that none is a part of another."""
    return f"w{i:07}w"


def documents(content: str) -> list[str]:
    """A file's documents as texts of their own; `---` begins one wherever it stands alone in a line."""
    return content.split("\n---\n")
