"""Where every value of a document stands, kept as a tree beside the values and unfolded only when asked.

A place is packed into one integer, since a repository has millions of them and few are ever looked at. Must not
know what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.model.key import Place

Path: TypeAlias = tuple[str | int, ...]

KEY = "~key"
"""As the last step of a path: the mapping's key instead of its value."""

_BITS = 21
"""Enough for files of two megabytes, and three of them fit into a JSON number."""
_MASK = (1 << _BITS) - 1


class Branch:
    """A mapping or a sequence: its span, and for each entry the key's span and the value's node."""

    __slots__ = ("items", "span")

    def __init__(self, span: int, items: dict[str, tuple[int, Node]] | list[Node]) -> None:
        self.span = span
        self.items = items

    def child(self, step: str | int) -> Node | None:
        if isinstance(self.items, dict):
            entry = self.items.get(step) if isinstance(step, str) else None
            return None if entry is None else entry[1]
        return self.items[step] if isinstance(step, int) and 0 <= step < len(self.items) else None

    def key(self, step: str | int) -> int | None:
        entry = self.items.get(step) if isinstance(self.items, dict) and isinstance(step, str) else None
        return None if entry is None else entry[0]


Node: TypeAlias = "int | Branch"
"""A scalar's packed span, or a branch."""


def pack(line: int, column: int, width: int) -> int:
    """Line and column from 0 (as the scanner counts them), width in columns."""
    return (line << 2 * _BITS) | (column << _BITS) | width


def span_of(node: Node) -> int:
    return node.span if isinstance(node, Branch) else node


class TreeMarks(Mapping[Path, Place]):
    """`model.document.Marks` over a tree of nodes; a path's mark is found by walking it."""

    __slots__ = ("_file", "_root")

    def __init__(self, file: str, root: Node) -> None:
        self._file = file
        self._root = root

    def __getitem__(self, path: Path) -> Place:
        span = self._span(path)
        if span is None:
            raise KeyError(path)
        return self._place(span)

    def __iter__(self) -> Iterator[Path]:
        return self._walk((), self._root)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def unfolded(self) -> Any:
        """The tree as plain values for JSON: a span, or a span with a mapping or list of what is inside."""
        return _unfolded(self._root)

    @classmethod
    def folded(cls, file: str, tree: Any) -> TreeMarks:
        """The other way round."""
        return cls(file, _folded(tree))

    def width(self, path: Path) -> int:
        """Columns of the value (or key) at the path, 0 where it spans lines or isn't there."""
        span = self._span(path)
        return 0 if span is None else span & _MASK

    def under(self, path: Path) -> TreeMarks:
        """The marks of a value inside, with paths relative to it. Raises KeyError when it isn't there."""
        node = self._node(path)
        if node is None:
            raise KeyError(path)
        return TreeMarks(self._file, node)

    def nearest(self, path: Path) -> Path:
        """The longest beginning of the path that is there."""
        while self._span(path) is None:
            path = path[:-1]
        return path

    def _place(self, span: int) -> Place:
        return Place(self._file, (span >> 2 * _BITS) + 1, ((span >> _BITS) & _MASK) + 1)

    def _span(self, path: Path) -> int | None:
        if path and path[-1] == KEY:
            parent = self._node(path[:-2])
            return parent.key(path[-2]) if isinstance(parent, Branch) and len(path) > 1 else None
        node = self._node(path)
        return None if node is None else span_of(node)

    def _node(self, path: Path) -> Node | None:
        node: Node | None = self._root
        for step in path:
            node = node.child(step) if isinstance(node, Branch) else None
        return node

    def _walk(self, path: Path, node: Node) -> Iterator[Path]:
        yield path
        if not isinstance(node, Branch):
            return
        if isinstance(node.items, list):
            for i, item in enumerate(node.items):
                yield from self._walk((*path, i), item)
            return
        for name, (_, value) in node.items.items():
            yield (*path, name, KEY)
            yield from self._walk((*path, name), value)


def _unfolded(node: Node) -> Any:
    if not isinstance(node, Branch):
        return node
    if isinstance(node.items, list):
        return [node.span, [_unfolded(item) for item in node.items]]
    return [node.span, {name: [key, _unfolded(value)] for name, (key, value) in node.items.items()}]


def _folded(tree: Any) -> Node:
    if isinstance(tree, int):
        return tree
    span, items = tree
    if isinstance(items, list):
        return Branch(span, [_folded(item) for item in items])
    return Branch(span, {name: (key, _folded(value)) for name, (key, value) in items.items()})
