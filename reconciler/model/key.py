"""Names of things: the key of a resource on a host, and the place in Git that something comes from."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """A resource on a host. Written `kind/name`, so a file is `file//etc/motd`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """`kind/name` to a key. Raises ValueError when there is no `/` or a side is empty."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise ValueError(f"{text!r} is not written as kind/name, such as package/nginx or file//etc/motd")
        return cls(kind, name)


class Place(NamedTuple):
    """A place in a file of the state repository. Line and column count from 1; 0 where there are no lines."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


OUTSIDE = "inventory:"
"""What the path of a place begins with that is no file of the state repository but a source of hosts."""
