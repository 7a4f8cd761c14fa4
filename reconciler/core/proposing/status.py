"""The commit status that a pull request's plan is told by: its name, and what it says in one line.

Must not know any forge.
"""

from __future__ import annotations

from reconciler.core.proposing.thread import Notice, Saying
from reconciler.core.words import counted
from reconciler.model.pull import CommitStatus

NAME = "reconciler"
LONGEST = 140
"""Characters of a line: GitHub takes no more."""


def status_of(saying: Saying, link: str) -> CommitStatus:
    """One status for all of it; a failure when merging would change nothing for a limit or a problem.

    Its name does not depend on what a pull request touches, so that it can be made a condition of merging.
    """
    fails = any(notice.comment.fails for notice in saying.notices)
    return CommitStatus(_name(saying), "failure" if fails else "success", _line(saying.notices), link)


def _name(saying: Saying) -> str:
    parts = [NAME, saying.scope]
    if not saying.whole:
        parts += [notice.project or "no project" for notice in saying.notices]
    return " ".join(part for part in parts if part)


def _line(notices: tuple[Notice, ...]) -> str:
    if not notices:
        return "Nothing changes."
    said = [notice.comment for notice in notices]
    if len(said) == 1:
        return said[0].summary[:LONGEST]
    parts = [f"{counted(len(said), 'project')}: {counted(sum(comment.changes for comment in said), 'change')}"]
    for number, words in (
        (sum(comment.destructive for comment in said), "deletes something"),
        (sum(comment.refused for comment in said), "would be refused"),
        (sum(comment.problems > 0 for comment in said), "with problems"),
    ):
        if number:
            parts.append(f"{number:,} {words}")
    return ", ".join(parts)[:LONGEST]


def same(there: CommitStatus | None, wanted: CommitStatus) -> bool:
    """Whether it is said already. A link may lead to an earlier run that said the same."""
    return there is not None and (there.state, there.line) == (wanted.state, wanted.line)
