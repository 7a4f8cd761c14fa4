"""Says on a pull request what it would change: a commit status, a comment for each project, a label.

Looks first and writes only what differs, so saying the same again writes nothing, and two jobs that do it at once end
with one comment. Must not know any forge, nor how a comment is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.proposing.said import Said
from reconciler.core.proposing.status import same, status_of
from reconciler.core.proposing.thread import Add, Edit, Erase, Saying, Turn, destructive, marked, turns
from reconciler.model.errors import Retry
from reconciler.ports.forge import Forge

ROUNDS = 5
"""How often the thread is looked at, while others may be writing there too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is said. `head` is the commit that was planned. `link` leads to more than fits into a comment. `label`
    (empty: none) is for pull requests that delete something."""

    pull: int
    head: str
    link: str = ""
    label: str = ""


def announce(forge: Forge, place: Place, saying: Saying) -> Said:
    """Makes a pull request say this, and nothing older. Raises Retry, Stalled; what was written by then stays."""
    said = Said()
    account = forge.account()
    _status(forge, place, saying, said)
    for _ in range(ROUNDS):
        ours = marked(forge.comments(place.pull), account)
        pull = forge.pull(place.pull)
        if pull.head != place.head:
            said.overtaken = True
            return said
        settled = [_take(forge, place.pull, turn, said) for turn in turns(ours, saying, said.fresh)]
        if all(settled):
            _label(forge, place, destructive(ours, saying), pull.labels, said)
            return said
    raise Retry(f"the comments on pull request {place.pull} did not settle in {ROUNDS} looks", "run this command again")


def _status(forge: Forge, place: Place, saying: Saying, said: Said) -> None:
    """Before the comment: it is there even where a comment may not be written."""
    status = status_of(saying, place.link)
    if not same(forge.statuses(place.head).get(status.context), status):
        forge.set_status(place.head, status)
        said.statuses += 1


def _take(forge: Forge, pull: int, turn: Turn, said: Said) -> bool:
    """Writes; whether that needs no second look."""
    match turn:
        case Add(notice, body):
            try:
                forge.comment(pull, body)
            except Retry:
                # It may be there all the same. Whether it is, the next look tells.
                return False
            said.fresh.append(notice)
            said.added += 1
            return False
        case Edit(remark, body):
            done = forge.edit(pull, remark, body)
            said.edited += done
            return done
        case Erase(remark):
            forge.erase(pull, remark)
            said.erased += 1
            return True


def _label(forge: Forge, place: Place, wanted: bool, there: frozenset[str], said: Said) -> None:
    if not place.label or wanted == (place.label in there):
        return
    label = (place.label,)
    forge.label(place.pull, label if wanted else (), () if wanted else label)
    said.labels += 1
