"""What a forge knows of a repository, whichever forge it is: pull requests, their threads, statuses of commits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

OURS, THEIRS = 41898282, 583231
"""Account numbers: of the account that the token is for, and of somebody else."""


@dataclass
class Said:
    """A comment."""

    id: int
    author: int
    body: str


@dataclass
class Site:
    """`pulls` are heads and labels by number; `statuses` newest last. `writes` is what was changed, by kind.

    `hooks` run before a write of their kind, once: for what somebody else does in between.
    """

    heads: dict[int, str] = field(default_factory=dict)
    labels: dict[int, set[str]] = field(default_factory=dict)
    threads: dict[int, list[Said]] = field(default_factory=dict)
    statuses: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1001))

    def open_pull(self, number: int, head: str) -> None:
        """A pull request nobody has said anything on."""
        self.heads[number], self.labels[number], self.threads[number] = head, set(), []

    def say(self, number: int, author: int, body: str) -> Said:
        """A comment more."""
        said = Said(next(self.ids), author, body)
        self.threads[number].append(said)
        return said

    def find(self, comment: int) -> Said | None:
        """A comment by its number, in whatever thread."""
        return next((said for thread in self.threads.values() for said in thread if said.id == comment), None)

    def forget(self, comment: int) -> bool:
        """Deletes a comment; whether it was there."""
        for thread in self.threads.values():
            for said in thread:
                if said.id == comment:
                    thread.remove(said)
                    return True
        return False

    def newest_statuses(self, sha: str) -> list[dict[str, str]]:
        """The last status of each context."""
        return list({status["context"]: status for status in self.statuses.get(sha, [])}.values())

    def before(self, write: str) -> None:
        """To be called before a write: counts it, and lets others go first."""
        self.writes.append(write)
        if hook := self.hooks.pop(write, None):
            hook()
