"""GitLab, hosted or one's own: merge requests of one project over the REST API (v4).

Fields and their meaning are those of docs.gitlab.com (notes, merge requests, commits API). Must not know what is said,
nor when.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from reconciler.adapters.forge.api import Api, Request
from reconciler.model.errors import Stalled
from reconciler.model.pull import CommitStatus, Pull, Remark, StatusState

LONGEST = 255
"""Characters of a status's description."""
_STATES: dict[str, StatusState] = {"success": "success", "failed": "failure", "canceled": "failure"}


class _Account(BaseModel):
    id: int


class _Pull(BaseModel):
    iid: int
    sha: str | None
    labels: list[str]


class _Note(BaseModel):
    id: int
    author: _Account
    body: str


class _Status(BaseModel):
    name: str
    status: str
    description: str | None
    target_url: str | None


ACCOUNT, PULL = TypeAdapter(_Account), TypeAdapter(_Pull)
NOTES, STATUSES = TypeAdapter(list[_Note]), TypeAdapter(list[_Status])


class GitLab:
    """A `Forge` (see ports). `project` is its number, or its path with all groups."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._at = f"/projects/{quote(project, safe='')}"

    def account(self) -> str:
        """See `ports.Forge`."""
        return str(self._api.get("/user", ACCOUNT).id)

    def pull(self, number: int) -> Pull:
        """See `ports.Forge`."""
        found = self._api.get(self._merge_request(number), PULL)
        return Pull(found.iid, found.sha or "", frozenset(found.labels))

    def comments(self, number: int) -> Sequence[Remark]:
        """See `ports.Forge`."""
        return sorted(self._notes(number), key=lambda remark: int(remark.id))

    def comment(self, number: int, body: str) -> None:
        """See `ports.Forge`."""
        path = f"{self._merge_request(number)}/notes"
        self._api.send(Request("POST", path, document={"body": body}, repeatable=False))

    def edit(self, number: int, remark: Remark, body: str) -> bool:
        """See `ports.Forge`."""
        path = f"{self._merge_request(number)}/notes/{remark.id}"
        return self._api.send(Request("PUT", path, document={"body": body}, missing=True)).status == 200

    def erase(self, number: int, remark: Remark) -> None:
        """See `ports.Forge`."""
        self._api.send(Request("DELETE", f"{self._merge_request(number)}/notes/{remark.id}", missing=True))

    def statuses(self, sha: str) -> Mapping[str, CommitStatus]:
        """See `ports.Forge`."""
        pages = self._api.pages(f"{self._at}/repository/commits/{sha}/statuses", STATUSES)
        return {each.name: _status(each) for page in pages for each in page}

    def set_status(self, sha: str, status: CommitStatus) -> None:
        """See `ports.Forge`."""
        state = "failed" if status.state == "failure" else status.state
        document = {"state": state, "name": status.context, "description": status.line[:LONGEST]}
        if status.link:
            document["target_url"] = status.link
        try:
            self._api.send(Request("POST", f"{self._at}/statuses/{sha}", document=document))
        except Stalled:
            # It refuses to say the same twice, which happens when two jobs say it at once.
            said = self.statuses(sha).get(status.context)
            if said is None or (said.state, said.line) != (status.state, status.line[:LONGEST]):
                raise

    def label(self, number: int, add: Collection[str], remove: Collection[str]) -> None:
        """See `ports.Forge`."""
        document = {"add_labels": ",".join(sorted(add)), "remove_labels": ",".join(sorted(remove))}
        given = {name: labels for name, labels in document.items() if labels}
        self._api.send(Request("PUT", self._merge_request(number), document=given))

    def _merge_request(self, number: int) -> str:
        return f"{self._at}/merge_requests/{number}"

    def _notes(self, number: int) -> Iterator[Remark]:
        query = {"sort": "asc", "order_by": "created_at"}
        for page in self._api.pages(f"{self._merge_request(number)}/notes", NOTES, query):
            for each in page:
                yield Remark(str(each.id), str(each.author.id), each.body)


def _status(said: _Status) -> CommitStatus:
    return CommitStatus(said.name, _STATES.get(said.status, "pending"), said.description or "", said.target_url or "")
