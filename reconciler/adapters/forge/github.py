"""GitHub, and GitHub Enterprise Server: pull requests of one repository over the REST API.

Fields and their meaning are those of GitHub's OpenAPI description, which the tests hold every request and answer
against. Must not know what is said, nor when.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, TypeAdapter

from reconciler.adapters.forge.api import Api, Request
from reconciler.model.errors import Stalled
from reconciler.model.pull import CommitStatus, Pull, Remark

LONGEST = 140
"""Characters of a status's description."""
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class _Account(BaseModel):
    id: int


class _Label(BaseModel):
    name: str


class _Head(BaseModel):
    sha: str


class _Pull(BaseModel):
    number: int
    head: _Head
    labels: list[_Label]


class _Comment(BaseModel):
    id: int
    # An account that was deleted leaves none behind.
    user: _Account | None
    body: str = ""


class _Status(BaseModel):
    context: str
    state: Literal["error", "failure", "pending", "success"]
    description: str | None
    target_url: str | None


class _Statuses(BaseModel):
    statuses: list[_Status]


class _Viewer(BaseModel):
    id: int = Field(alias="databaseId")


class _ViewerData(BaseModel):
    viewer: _Viewer


class _ViewerAnswer(BaseModel):
    data: _ViewerData


ACCOUNT, PULL = TypeAdapter(_Account), TypeAdapter(_Pull)
COMMENTS, STATUSES = TypeAdapter(list[_Comment]), TypeAdapter(_Statuses)
VIEWER: TypeAdapter[Any] = TypeAdapter(_ViewerAnswer)


class GitHub:
    """A `Forge` (see ports). `repository` is OWNER/NAME."""

    def __init__(self, api: Api, repository: str) -> None:
        self._api = api
        self._at = "/repos/" + "/".join(quote(part, safe="") for part in repository.split("/"))

    def account(self) -> str:
        """See `ports.Forge`."""
        try:
            return str(self._api.get("/user", ACCOUNT).id)
        except Stalled as refused:
            return self._viewer(refused)

    def pull(self, number: int) -> Pull:
        """See `ports.Forge`."""
        found = self._api.get(f"{self._at}/pulls/{number}", PULL)
        return Pull(found.number, found.head.sha, frozenset(label.name for label in found.labels))

    def comments(self, number: int) -> Sequence[Remark]:
        """See `ports.Forge`."""
        return sorted(self._comments(number), key=lambda remark: int(remark.id))

    def comment(self, number: int, body: str) -> None:
        """See `ports.Forge`."""
        self._api.send(
            Request("POST", f"{self._at}/issues/{number}/comments", document={"body": body}, repeatable=False)
        )

    def edit(self, number: int, remark: Remark, body: str) -> bool:
        """See `ports.Forge`."""
        path = f"{self._at}/issues/comments/{remark.id}"
        return self._api.send(Request("PATCH", path, document={"body": body}, missing=True)).status == 200

    def erase(self, number: int, remark: Remark) -> None:
        """See `ports.Forge`."""
        self._api.send(Request("DELETE", f"{self._at}/issues/comments/{remark.id}", missing=True))

    def statuses(self, sha: str) -> Mapping[str, CommitStatus]:
        """See `ports.Forge`."""
        pages = self._api.pages(f"{self._at}/commits/{sha}/status", STATUSES)
        return {each.context: _status(each) for page in pages for each in page.statuses}

    def set_status(self, sha: str, status: CommitStatus) -> None:
        """See `ports.Forge`."""
        document = {"state": status.state, "context": status.context, "description": status.line[:LONGEST]}
        if status.link:
            document["target_url"] = status.link
        self._api.send(Request("POST", f"{self._at}/statuses/{sha}", document=document))

    def label(self, number: int, add: Collection[str], remove: Collection[str]) -> None:
        """See `ports.Forge`."""
        labels = f"{self._at}/issues/{number}/labels"
        if add:
            self._api.send(Request("POST", labels, document={"labels": sorted(add)}))
        for name in sorted(remove):
            self._api.send(Request("DELETE", f"{labels}/{quote(name, safe='')}", missing=True))

    def _viewer(self, refused: Stalled) -> str:
        """Who we are, for the token of an app's installation, as GitHub Actions have it: REST tells only users."""
        base = self._api.url.removesuffix("/v3") if self._api.url.endswith("/api/v3") else self._api.url
        asked = Request("POST", "/graphql", document={"query": "query { viewer { databaseId } }"}, base=base)
        try:
            answer = self._api.send(asked)
        except Stalled:
            raise refused from None
        return str(self._api.read(answer, VIEWER).data.viewer.id)

    def _comments(self, number: int) -> Iterator[Remark]:
        for page in self._api.pages(f"{self._at}/issues/{number}/comments", COMMENTS):
            for each in page:
                yield Remark(str(each.id), str(each.user.id) if each.user else "", each.body)


def _status(said: _Status) -> CommitStatus:
    state = "failure" if said.state == "error" else said.state
    return CommitStatus(said.context, state, said.description or "", said.target_url or "")
