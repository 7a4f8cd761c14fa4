"""A pull request (at GitLab: a merge request) as a forge tells of it: its head, its thread, its statuses.

All text in it was written by others. Must not know any forge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StatusState = Literal["pending", "success", "failure"]


@dataclass(frozen=True, slots=True)
class Pull:
    """`head` is the commit (full SHA) that it stands at now. `labels` are those that it has."""

    number: int
    head: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment in a pull request's thread, as it stands there. The forge numbers both it and its `author`."""

    id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What we say of a commit under one name (`context`): one line, and a link to more."""

    context: str
    state: StatusState
    line: str
    link: str = ""
