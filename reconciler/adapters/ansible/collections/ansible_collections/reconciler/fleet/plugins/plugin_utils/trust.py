"""Which host keys are trusted, as ssh reads known_hosts: by the name that was asked for, and its port.

Of a file with a line for each of a hundred thousand hosts only those lines become keys that this run's hosts may need.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncssh

DEFAULTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
SSH_PORT = 22
_PATTERN = frozenset("*?!|")


class Trusted:
    """The keys of some hosts, given as (address, port)."""

    def __init__(self, file: str, places: Iterable[tuple[str, int]]) -> None:
        self._known = asyncssh.import_known_hosts("")
        names = {name for address, port in places for name in (address, f"[{address}]:{port}")}
        for line in _lines([file] if file else DEFAULTS):
            if _may_match(line, names):
                with contextlib.suppress(ValueError):  # ssh passes over lines that it can't read, too
                    self._known.load(line)

    def of(self, address: str, port: int) -> tuple[Any, ...]:
        """Host keys, then authorities, then revoked keys; what asyncssh takes as `known_hosts`."""
        return self._known.match(address, "", None if port == SSH_PORT else port)


def any_key(trusted: tuple[Any, ...]) -> bool:
    return bool(trusted[0] or trusted[1])


def _lines(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        with contextlib.suppress(OSError):
            yield from Path(file).expanduser().read_text(errors="replace").splitlines()


def _may_match(line: str, names: set[str]) -> bool:
    words = line.split(None, 2)
    if len(words) < 2 or words[0].startswith("#"):
        return False
    listed = words[1] if words[0].startswith("@") else words[0]
    return bool(_PATTERN & set(listed)) or not names.isdisjoint(listed.split(","))
