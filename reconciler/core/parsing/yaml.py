"""YAML text to plain values and their places, from the C scanner's events with a builder of our own.

The builder is where YAML 1.2 meaning, duplicate keys and budgets are kept: events come one at a time, so a file
that nests or repeats too much is left before it costs anything. (The C scanner looks at most 1,024 characters
ahead, so it never sees the nesting that would crash it; newer ones have a limit.) Must not know what documents mean
to us.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    YAMLError,
)
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs don't list it

from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.marks import Branch, Node, TreeMarks, pack, span_of
from reconciler.core.parsing.scalars import resolve
from reconciler.core.parsing.text import Text, Unreadable, decode, syntax_problem
from reconciler.core.quote import quote
from reconciler.model.key import Place
from reconciler.model.problem import Problem

_FLATTER = "write it with less nesting and fewer aliases"
_CORE = "tag:yaml.org,2002:"
_TAGS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
    "seq": (list,),
    "map": (dict,),
}


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One document: plain values, and where they stand. `problems` are those of its YAML."""

    value: Any
    marks: TreeMarks
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class RawFile:
    """All documents up to where the file can't be read on. `problem` says why not, None: it was read to its end."""

    text: Text
    documents: tuple[RawDocument, ...]
    problem: Problem | None = None


class _Anchor(NamedTuple):
    """What an alias stands for, and what following it costs."""

    value: Any
    node: Node
    nodes: int
    size: int
    height: int


def read(path: str, data: bytes, limits: Limits) -> RawFile:
    """Never raises, whatever the bytes."""
    text = Text("")
    documents: list[RawDocument] = []
    try:
        text = decode(path, data, limits)
        # Not a comprehension: what came before an error is kept.
        documents.extend(_Builder(path, text, limits).documents())
    except Unreadable as stop:
        return RawFile(text, tuple(documents), stop.problem)
    except YAMLError as error:
        return RawFile(text, tuple(documents), _complaint(syntax_problem(path, text, error), limits))
    return RawFile(text, tuple(documents))


def _complaint(problem: Problem, limits: Limits) -> Problem:
    """What the scanner says. Some look ahead and give up on nesting, by a limit of their own, before we do."""
    if "nesting depth" not in problem.message:
        return problem
    return replace(problem, reason="too-deep", message=_too_deep(limits), hint=_FLATTER)


def _too_deep(limits: Limits) -> str:
    return f"nested more than {limits.depth} levels deep"


class _Builder:
    def __init__(self, path: str, text: Text, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._next = CParser(text.content).get_event
        self._problems: list[Problem] = []
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = self._size = self._deepest = 0

    def documents(self) -> Iterator[RawDocument]:
        self._next()
        count = 0
        while type(event := self._next()) is DocumentStartEvent:
            self._problems, self._anchors, self._deepest = [], {}, 0
            root = self._next()
            count += 1
            if count > self._limits.documents:
                self._stop(event, "too-many-documents", f"more than {self._limits.documents:,} documents in one file")
            value, node = self._build(root, 1)
            self._next()
            if value is not None or self._problems:
                yield RawDocument(value, TreeMarks(self._path, node), tuple(self._problems))

    def _build(self, event: Any, depth: int) -> tuple[Any, Node]:
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            self._stop(event, "too-many-values", f"more than {self._limits.nodes:,} values in one file")
        if type(event) is ScalarEvent and event.anchor is None:
            return self._scalar(event)
        if type(event) is AliasEvent:
            return self._alias(event, depth)
        if event.anchor is not None:
            return self._anchored(event, depth)
        return self._plain(event, depth)

    def _plain(self, event: Any, depth: int) -> tuple[Any, Node]:
        if type(event) is ScalarEvent:
            return self._scalar(event)
        if depth > self._limits.depth:
            self._stop(event, "too-deep", _too_deep(self._limits))
        self._deepest = max(self._deepest, depth)
        value, node = self._mapping(event, depth) if type(event) is MappingStartEvent else self._sequence(event, depth)
        if event.tag is not None:
            self._check_tag(event, value)
        return value, node

    def _scalar(self, event: Any) -> tuple[Any, int]:
        text: str = event.value
        self._size += len(text)
        value: Any = text
        if event.implicit[0] and event.tag is None:
            try:
                value = resolve(text)
            except ValueError as error:
                self._report(event, "bad-number", f"{quote(text)} {error}", "write it in quotes if it is text")
        elif event.tag is not None and event.tag != "!":
            value = self._tagged(event)
        return value, _span(event)

    def _tagged(self, event: Any) -> Any:
        if event.tag == _CORE + "str":
            return event.value
        try:
            value = resolve(event.value)
        except ValueError:
            value = event.value
        self._check_tag(event, value)
        return value

    def _check_tag(self, event: Any, value: Any) -> None:
        wanted = _TAGS.get(event.tag.removeprefix(_CORE)) if event.tag.startswith(_CORE) else None
        if wanted is None or type(value) not in wanted:
            shown = "!!" + event.tag.removeprefix(_CORE) if event.tag.startswith(_CORE) else event.tag
            self._report(event, "custom-tag", f"the tag {quote(shown)} is not allowed", "write the plain value")

    def _sequence(self, start: Any, depth: int) -> tuple[list[Any], Branch]:
        values: list[Any] = []
        nodes: list[Node] = []
        while type(event := self._next()) is not SequenceEndEvent:
            value, node = self._build(event, depth + 1)
            values.append(value)
            nodes.append(node)
        return values, Branch(_span(start, event), nodes)

    def _mapping(self, start: Any, depth: int) -> tuple[dict[str, Any], Branch]:
        values: dict[str, Any] = {}
        nodes: dict[str, tuple[int, Node]] = {}
        while type(event := self._next()) is not MappingEndEvent:
            key, key_node = self._build(event, depth + 1)
            usable = (type(key) is str and key != "<<") or self._usable_key(event, key)
            if usable and key in values:
                place = self._at(nodes[key][0])
                hint = f"the first is in line {place.line}, column {place.column}; keep one of them"
                self._report(event, "duplicate-key", f"the key {quote(key)} stands twice in this mapping", hint)
                usable = False
            value, node = self._build(self._next(), depth + 1)
            if usable:
                values[key] = value
                nodes[key] = (span_of(key_node), node)
        return values, Branch(_span(start, event), nodes)

    def _usable_key(self, event: Any, key: Any) -> bool:
        if type(event) is ScalarEvent and event.implicit[0] and event.value == "<<":
            self._report(
                event, "merge-key", "merge keys (<<) are not part of YAML 1.2", "write the fields out, or use vars"
            )
            return False
        if isinstance(key, str):
            return True
        if isinstance(key, dict | list):
            hint = 'a value that begins with {{ needs quotes: "{{ … }}"'
            self._report(event, "bad-key", f"{quote(key)} can't be a key", hint)
        else:
            shown = event.value if type(event) is ScalarEvent else quote(key)
            self._report(event, "bad-key", f"the key {shown or 'null'} is not text", f'write it in quotes: "{shown}"')
        return False

    def _anchored(self, event: Any, depth: int) -> tuple[Any, Node]:
        nodes, size, deepest = self._nodes, self._size, self._deepest
        self._deepest = depth
        self._anchors[event.anchor] = None
        value, node = self._plain(event, depth)
        height = self._deepest - depth
        self._anchors[event.anchor] = _Anchor(value, node, self._nodes - nodes, self._size - size, height)
        self._deepest = max(deepest, self._deepest)
        return value, node

    def _alias(self, event: Any, depth: int) -> tuple[Any, Node]:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            what = "stands inside of what it repeats" if event.anchor in self._anchors else "repeats nothing"
            hint = "an anchor (&name) must stand before its alias (*name), in the same document"
            self._report(event, "bad-alias", f"the alias {quote(event.anchor)} {what}", hint)
            return "", _span(event)
        self._nodes += anchor.nodes
        self._size += anchor.size
        if self._size > self._limits.expanded_bytes or self._nodes > self._limits.nodes:
            message = f"aliases repeat more than {self._limits.expanded_bytes:,} bytes or {self._limits.nodes:,} values"
            self._stop(event, "alias-bomb", message)
        if depth + anchor.height > self._limits.depth:
            self._stop(event, "too-deep", _too_deep(self._limits))
        self._deepest = max(self._deepest, depth + anchor.height)
        node = Branch(_span(event), anchor.node.items) if isinstance(anchor.node, Branch) else _span(event)
        return anchor.value, node

    def _report(self, event: Any, reason: str, message: str, hint: str) -> None:
        if len(self._problems) >= self._limits.problems:
            return
        span = _span(event)
        self._problems.append(
            Problem(self._at(span), reason, message, hint=hint, width=TreeMarks(self._path, span).width(()))
        )

    def _stop(self, event: Any, reason: str, message: str) -> None:
        hint = "split the file" if reason.startswith("too-many") else _FLATTER
        raise Unreadable(Problem(self._at(_span(event)), reason, message, hint=hint))

    def _at(self, span: int) -> Place:
        return TreeMarks(self._path, span)[()]


def _span(event: Any, end: Any = None) -> int:
    """From an event's start to its own end or another's; no width when that is on another line."""
    first, last = event.start_mark, (end or event).end_mark
    width = last.column - first.column if last.line == first.line else 0
    return pack(first.line, first.column, width)
