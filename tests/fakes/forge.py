"""A forge in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.errors import Stalled
from reconciler.model.pull import CommitStatus, Pull, Remark
from tests.forges.site import OURS, Site


@dataclass
class ForgeInMemory:
    """A `Forge` (see ports) on a site."""

    site: Site

    def account(self) -> str:
        return str(OURS)

    def pull(self, number: int) -> Pull:
        if number not in self.site.heads:
            raise Stalled(f"there is no pull request {number}")
        return Pull(number, self.site.heads[number], frozenset(self.site.labels[number]))

    def comments(self, number: int) -> Sequence[Remark]:
        self.pull(number)
        return [Remark(str(said.id), str(said.author), said.body) for said in self.site.threads[number]]

    def comment(self, number: int, body: str) -> None:
        self.pull(number)
        self.site.before("comment")
        self.site.say(number, OURS, body)

    def edit(self, number: int, remark: Remark, body: str) -> bool:
        self.site.before("edit")
        said = self.site.find(int(remark.id))
        if said is None:
            return False
        said.body = body
        return True

    def erase(self, number: int, remark: Remark) -> None:
        self.site.before("erase")
        self.site.forget(int(remark.id))

    def statuses(self, sha: str) -> Mapping[str, CommitStatus]:
        found = [
            CommitStatus(each["context"], each["state"], each["line"], each["link"])  # type: ignore[arg-type]
            for each in self.site.newest_statuses(sha)
        ]
        return {status.context: status for status in found}

    def set_status(self, sha: str, status: CommitStatus) -> None:
        self.site.before("status")
        said = {"context": status.context, "state": status.state, "line": status.line, "link": status.link}
        self.site.statuses.setdefault(sha, []).append(said)

    def label(self, number: int, add: Collection[str], remove: Collection[str]) -> None:
        self.site.before("label")
        self.site.labels[number] = (self.site.labels[number] | set(add)) - set(remove)
