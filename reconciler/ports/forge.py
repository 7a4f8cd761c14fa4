"""The forge: where people meet over a change. Must not know what is said there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reconciler.model.pull import CommitStatus, Pull, Remark


class Forge(Protocol):
    """One repository at a forge: what is said on its pull requests. All raise Retry when it is down or limits us for
    longer than we wait, Stalled when it refuses."""

    def account(self) -> str:
        """The id of the account that writes here, which is the author of its comments."""

    def pull(self, number: int) -> Pull:
        """Raises Stalled when there is none that we may see."""

    def comments(self, number: int) -> Sequence[Remark]:
        """The whole thread, oldest first."""

    def comment(self, number: int, body: str) -> None:
        """Adds one. After Retry it may be there or not: look before another try."""

    def edit(self, number: int, remark: Remark, body: str) -> bool:
        """Gives it another body; False when it is gone."""

    def erase(self, number: int, remark: Remark) -> None:
        """Deletes it, if it is still there."""

    def statuses(self, sha: str) -> Mapping[str, CommitStatus]:
        """What is said of a commit, by context."""

    def set_status(self, sha: str, status: CommitStatus) -> None:
        """Takes the place of what was said under the same context."""

    def label(self, number: int, add: Collection[str], remove: Collection[str]) -> None:
        """Puts labels on, making those that there are not, and takes others off, where they are."""
