"""GitHub's REST API over a site, with every request and answer held against GitHub's published description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.forges.openapi import Description, github
from tests.forges.server import TOKEN, Call, Response, page
from tests.forges.site import OURS, Said, Site

REPOSITORY = "acme/fleet"


@dataclass
class GitHubRoutes:
    """`edition` says whose description counts. `installation`: the token is an app's, which is no user."""

    site: Site
    edition: str = "github"
    installation: bool = False

    @property
    def prefix(self) -> str:
        """What is before every path."""
        return "" if self.edition == "github" else "/api/v3"

    def answer(self, call: Call) -> Response:
        """Fails where a request, or what is answered, is not as described."""
        graphql = "/graphql" if self.edition == "github" else "/api/graphql"
        if call.path == graphql:
            return self._graphql(call)
        assert call.path.startswith(self.prefix), "this is not below the API"
        path = call.path.removeprefix(self.prefix)
        assert call.headers["accept"] == "application/vnd.github+json"
        assert call.headers["x-github-api-version"] == "2022-11-28"
        assert call.headers["user-agent"].startswith("reconciler/")
        described = github(self.edition)
        operation = described.operation(call.method, path)
        described.check_request(operation, call.query, call.document)
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"})
        response = _Routed(self, described, call, path).response()
        # What is gone is a 404 everywhere, also where the description forgets to say so.
        if response.status != 404:
            described.check_answer(operation, response.status, None if response.status == 204 else response.document)
        return response

    def _graphql(self, call: Call) -> Response:
        """The one query that we ask; its fields are `Query.viewer` and `User.databaseId` of GitHub's schema."""
        assert call.method == "POST"
        assert call.document == {"query": "query { viewer { databaseId } }"}
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(401, {"message": "Bad credentials"})
        return Response(200, {"data": {"viewer": {"databaseId": OURS}}})


@dataclass
class _Routed:
    routes: GitHubRoutes
    described: Description
    call: Call
    path: str

    @property
    def site(self) -> Site:
        return self.routes.site

    def response(self) -> Response:
        """By the path. Who asks for another repository gets what he may not see."""
        if self.path == "/user":
            return self._user()
        at = f"/repos/{REPOSITORY}"
        for pattern, route in (
            (f"{at}/pulls/([0-9]+)", self._pull),
            (f"{at}/issues/([0-9]+)/comments", self._comments),
            (f"{at}/issues/comments/([0-9]+)", self._comment),
            (f"{at}/commits/([0-9a-f]+)/status", self._combined),
            (f"{at}/statuses/([0-9a-f]+)", self._status),
            (f"{at}/issues/([0-9]+)/labels", self._add_labels),
            (f"{at}/issues/([0-9]+)/labels/(.+)", self._remove_label),
        ):
            moved = Call(**{**self.call.__dict__, "path": self.path})
            if (parts := moved.match(pattern)) is not None:
                return route(*parts)
        return self._none()

    def _none(self) -> Response:
        return Response(404, {**self.described.component("basic-error"), "message": "Not Found"})

    def _user(self) -> Response:
        if self.routes.installation:
            return Response(403, {"message": "Resource not accessible by integration"})
        return Response(200, {**self.described.component("private-user"), "id": OURS})

    def _pull(self, number: str) -> Response:
        if int(number) not in self.site.heads:
            return self._none()
        pull = self.described.component("pull-request")
        label = pull["labels"]
        pull["number"], pull["head"]["sha"] = int(number), self.site.heads[int(number)]
        label += [self._label(name) for name in sorted(self.site.labels[int(number)])]
        return Response(200, pull)

    def _label(self, name: str) -> dict[str, Any]:
        return {**self.described.component("label"), "name": name, "description": None}

    def _comments(self, number: str) -> Response:
        if int(number) not in self.site.threads:
            return self._none()
        if self.call.method == "POST":
            self.site.before("comment")
            return Response(201, self._said(self.site.say(int(number), OURS, self.call.document["body"])))
        entries, headers = page(self.call, [self._said(said) for said in self.site.threads[int(number)]])
        return Response(200, entries, headers)

    def _said(self, said: Said) -> dict[str, Any]:
        user = {**self.described.component("simple-user"), "id": said.author} if said.author else None
        return {**self.described.component("issue-comment"), "id": said.id, "user": user, "body": said.body}

    def _comment(self, comment: str) -> Response:
        self.site.before("edit" if self.call.method == "PATCH" else "erase")
        if self.call.method == "DELETE":
            return Response(204) if self.site.forget(int(comment)) else self._none()
        said = self.site.find(int(comment))
        if said is None:
            return self._none()
        said.body = self.call.document["body"]
        return Response(200, self._said(said))

    def _combined(self, sha: str) -> Response:
        combined = self.described.component("combined-commit-status")
        found = [self._said_of(status) for status in self.site.newest_statuses(sha)]
        entries, headers = page(self.call, found)
        return Response(200, {**combined, "sha": sha, "statuses": entries, "total_count": len(found)}, headers)

    def _said_of(self, status: dict[str, str]) -> dict[str, Any]:
        fields = {"context": status["context"], "state": status["state"], "description": status["line"]}
        return {**self.described.component("simple-commit-status"), **fields, "target_url": status["link"] or None}

    def _status(self, sha: str) -> Response:
        self.site.before("status")
        asked = self.call.document
        assert len(asked["description"]) <= 140, "GitHub takes 140 characters"
        said = {"context": asked["context"], "state": asked["state"], "line": asked["description"]}
        self.site.statuses.setdefault(sha, []).append({**said, "link": asked.get("target_url", "")})
        return Response(201, {**self.described.component("status"), **self._said_of(self.site.statuses[sha][-1])})

    def _add_labels(self, number: str) -> Response:
        self.site.before("label")
        self.site.labels[int(number)] |= set(self.call.document["labels"])
        return Response(200, [self._label(name) for name in sorted(self.site.labels[int(number)])])

    def _remove_label(self, number: str, name: str) -> Response:
        self.site.before("label")
        if name not in self.site.labels[int(number)]:
            return self._none()
        self.site.labels[int(number)].remove(name)
        return Response(200, [self._label(left) for left in sorted(self.site.labels[int(number)])])
