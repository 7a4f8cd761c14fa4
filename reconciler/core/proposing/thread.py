"""A pull request's thread: which comments in it are ours, and what is to become of them.

A comment is ours when our account wrote it and it begins with our marker, a line that forges keep and don't show. The
marker names what it is for: a state repository and path (`scope`), and a project. Of several for the same (two jobs
wrote at once) the oldest stays. Must not know any forge.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reconciler.model.comment import Comment
from reconciler.model.digest import digest
from reconciler.model.pull import Remark

_ORDER = re.compile(r"^(\r*)/", re.MULTILINE)
_MARKER = re.compile(r"<!-- reconciler:pr ([0-9a-f]{16}) ([0-9a-f]{16})( destructive)? -->")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be said for a project (None: for all of them together, empty: for what belongs to none)."""

    project: str | None
    comment: Comment


@dataclass(frozen=True, slots=True)
class Saying:
    """All that is to be said at once. `whole`: it is all that is to be said in this scope, so comments for other
    projects are old; otherwise they are somebody else's to keep."""

    scope: str
    notices: tuple[Notice, ...]
    whole: bool = True

    @property
    def destructive(self) -> bool:
        """Whether something of it deletes."""
        return any(notice.comment.destructive for notice in self.notices)


@dataclass(frozen=True, slots=True)
class Marked:
    """A comment of ours. `scope` and `subject` are digests of what it is for."""

    remark: Remark
    scope: str
    subject: str
    destructive: bool


@dataclass(frozen=True, slots=True)
class Add:
    """A comment that is not there yet."""

    notice: Notice
    body: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One that says something else by now."""

    remark: Remark
    body: str


@dataclass(frozen=True, slots=True)
class Erase:
    """One too many, or one for a project that the pull request has nothing to do with any more."""

    remark: Remark


Turn = Add | Edit | Erase


def body_of(scope: str, notice: Notice) -> str:
    """What stands in the thread for a notice, its marker first.

    No line begins with a slash: to GitLab that is an order (`/merge`), carried out with the rights of our account.
    """
    flag = " destructive" if notice.comment.destructive else ""
    marker = f"<!-- reconciler:pr {_digest(scope)} {_subject(notice.project)}{flag} -->"
    return _ORDER.sub(r"\1 /", f"{marker}\n{notice.comment.markdown}")


def marked(thread: Sequence[Remark], account: str) -> list[Marked]:
    """The comments that are ours, of every scope, in the order of the thread."""
    found = []
    for remark in thread:
        match = _MARKER.match(remark.body) if remark.author == account else None
        if match:
            found.append(Marked(remark, match[1], match[2], bool(match[3])))
    return found


def turns(ours: Sequence[Marked], saying: Saying, added: Collection[Notice] = ()) -> Iterator[Turn]:
    """What is to be done so that all of it is said once, and nothing else. Nothing when that is so already.

    `added` were added a moment ago: a forge may not list them yet, and they are not added again. A notice of no change
    gets no comment of its own; it is said where there is one already.
    """
    wanted = {_subject(notice.project): notice for notice in saying.notices}
    seen: set[str] = set()
    for each in _in_scope(ours, saying):
        notice = wanted.get(each.subject)
        if each.subject in seen or (notice is None and saying.whole):
            yield Erase(each.remark)
        elif notice is not None and not _same(each.remark.body, body := body_of(saying.scope, notice)):
            yield Edit(each.remark, body)
        seen.add(each.subject)
    for subject, notice in wanted.items():
        if subject not in seen and notice not in added and _worth_saying(notice.comment):
            yield Add(notice, body_of(saying.scope, notice))


def destructive(ours: Sequence[Marked], saying: Saying) -> bool:
    """Whether anything that we say on the pull request, in this scope or another, tells of deletes."""
    said_here = {_subject(notice.project) for notice in saying.notices}
    mine = {id(each) for each in _in_scope(ours, saying) if saying.whole or each.subject in said_here}
    return saying.destructive or any(each.destructive for each in ours if id(each) not in mine)


def _in_scope(ours: Sequence[Marked], saying: Saying) -> list[Marked]:
    return [each for each in ours if each.scope == _digest(saying.scope)]


def _worth_saying(comment: Comment) -> bool:
    return comment.changes > 0 or comment.fails


def _same(there: str, wanted: str) -> bool:
    """Forges may keep a text with other line ends, or without its last."""
    return _bare(there) == _bare(wanted)


def _bare(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()


def _digest(text: str) -> str:
    return digest(["scope", text])[:16]


def _subject(project: str | None) -> str:
    return digest(["project", project])[:16]
