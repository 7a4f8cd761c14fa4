"""Notices in words for people: plain text that means nothing more in any chat, mail or push message.

Must not know channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from reconciler.core.words import counted, names, printable
from reconciler.model.notice import Notice

LONGEST = 500
"""Characters of one reason."""
_ZERO_WIDTH = "\u200b"
_HARMLESS = str.maketrans({"@": "@" + _ZERO_WIDTH, "<": "‹", ">": "›", "`": "'", "[": "(", "]": ")"})


def neutral(text: str) -> str:
    """Text from Git or a host so that no channel takes it for a mention, a link or markup."""
    line = printable(text)
    return (line if len(line) <= LONGEST else line[: LONGEST - 1] + "…").translate(_HARMLESS)


def title(notices: Sequence[Notice]) -> str:
    """What it is about, in one line."""
    if len(notices) == 1:
        return said(notices[0])
    kinds = Counter(notice.kind for notice in notices)
    return f"{len(notices)} notices: " + ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))


def said(notice: Notice) -> str:
    """A notice in one line."""
    which = neutral(names(notice.services))
    whose = ", ".join(neutral(each) for each in (notice.project, notice.owner) if each)
    where = f"{which} ({whose})" if whose else which
    match notice.kind:
        case "drift-found":
            verb = "drifts" if notice.resources == 1 else "drift"
            return f"{counted(notice.resources, 'resource')} on hosts {verb}: {where}"
        case "healed":
            return f"as Git says again: {where}"
        case "run-failed":
            return f"a run failed: {where}"
        case "rollout-stopped":
            return f"a rollout was stopped: {where}"
        case "gate-refused":
            return f"a plan was refused: {where}"
        case "approval-needed":
            return f"an approval is needed: {where}"


def body(notices: Sequence[Notice]) -> str:
    """All that is to be said, in lines."""
    return "\n\n".join("\n".join(_lines(notice, alone=len(notices) == 1)) for notice in notices)


def _lines(notice: Notice, *, alone: bool) -> Iterator[str]:
    if not alone:
        yield said(notice)
    yield from (neutral(reason) for reason in notice.reasons)
    revision = f"revision {notice.revision[:7]}, " if notice.revision else ""
    yield f"{revision}{notice.at:%Y-%m-%d %H:%M} UTC"
    if command := what_next(notice):
        yield f"look: {command}"


def what_next(notice: Notice) -> str:
    """The command that goes on from here; empty when there is nothing to do."""
    match notice.kind:
        case "drift-found":
            return "reconciler drift"
        case "healed":
            return ""
        case "run-failed" | "rollout-stopped":
            return "reconciler runs"
        case "gate-refused":
            return "reconciler status"
        case "approval-needed":
            return f"reconciler approve {notice.plan[:8]} --reason WHY"
