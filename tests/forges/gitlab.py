"""GitLab's REST API over a site, with every request and answer held against the fields that its documentation lists.

The tables are those of docs.gitlab.com: REST API, users, notes, merge requests, commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.forges.server import TOKEN, Call, Response, page
from tests.forges.site import OURS, Said, Site

PROJECT = "acme/infra/fleet"
Types = tuple[type | None, ...]
AUTHOR: dict[str, Types] = {
    "id": (int,),
    "username": (str,),
    "name": (str,),
    "state": (str,),
    "avatar_url": (str, None),
    "web_url": (str,),
}
NOTE: dict[str, Types] = {
    "id": (int,),
    "body": (str,),
    "attachment": (None,),
    "author": (dict,),
    "created_at": (str,),
    "updated_at": (str,),
    "system": (bool,),
    "noteable_id": (int,),
    "noteable_type": (str,),
    "project_id": (int,),
    "noteable_iid": (int,),
    "resolvable": (bool,),
    "confidential": (bool,),
    "internal": (bool,),
}
MERGE_REQUEST: dict[str, Types] = {
    "id": (int,),
    "iid": (int,),
    "project_id": (int,),
    "title": (str,),
    "description": (str, None),
    "state": (str,),
    "target_branch": (str,),
    "source_branch": (str,),
    "source_project_id": (int,),
    "target_project_id": (int,),
    "labels": (list,),
    "draft": (bool,),
    "sha": (str, None),
    "author": (dict,),
    "web_url": (str,),
}
STATUS: dict[str, Types] = {
    "id": (int,),
    "sha": (str,),
    "ref": (str, None),
    "status": (str,),
    "name": (str,),
    "target_url": (str, None),
    "description": (str, None),
    "created_at": (str,),
    "started_at": (str, None),
    "finished_at": (str, None),
    "allow_failure": (bool,),
    "coverage": (float, None),
    "author": (dict,),
}
STATES = {"pending", "running", "success", "failed", "canceled", "skipped"}
PAGING = {"page", "per_page"}
STATUS_OF = {"success": "success", "failure": "failed", "pending": "pending"}
STATE_OF = {value: key for key, value in STATUS_OF.items()}


def sent(document: Any, required: set[str], optional: set[str]) -> None:
    """Fails for attributes that the documentation does not list, or that are missing; all of ours are text."""
    assert required <= set(document), f"missing: {required - set(document)}"
    assert set(document) <= required | optional, f"not documented: {set(document) - required - optional}"
    assert all(isinstance(value, str) for value in document.values())


def told(document: dict[str, Any], fields: dict[str, Types]) -> dict[str, Any]:
    """Fails when the test's server answers otherwise than documented."""
    assert set(document) == set(fields)
    for name, types in fields.items():
        value = document[name]
        fits = (value is None and None in types) or type(value) in types
        assert fits, f"{name} is {value!r}"
    if "author" in fields:
        told(document["author"], AUTHOR)
    return document


@dataclass
class GitLabRoutes:
    """A project that is called by its path."""

    site: Site
    prefix: str = "/api/v4"

    def answer(self, call: Call) -> Response:
        """Fails where a request, or what is answered, is not as documented."""
        if call.headers.get("private-token") != TOKEN:
            return Response(401, {"message": "401 Unauthorized"})
        if call.method == "GET" and call.path == f"{self.prefix}/user":
            return Response(200, told(_author(OURS), AUTHOR))
        at = f"{self.prefix}/projects/{PROJECT.replace('/', '%2F')}"
        for pattern, route in (
            (f"{at}/merge_requests/([0-9]+)", self._merge_request),
            (f"{at}/merge_requests/([0-9]+)/notes", self._notes),
            (f"{at}/merge_requests/([0-9]+)/notes/([0-9]+)", self._note),
            (f"{at}/repository/commits/([0-9a-f]+)/statuses", self._statuses),
            (f"{at}/statuses/([0-9a-f]+)", self._status),
        ):
            if (parts := call.match(pattern)) is not None:
                return route(call, *parts)
        return Response(404, {"message": "404 Project Not Found"})

    def _merge_request(self, call: Call, number: str) -> Response:
        if int(number) not in self.site.heads:
            return Response(404, {"message": "404 Not found"})
        labels = self.site.labels[int(number)]
        if call.method == "PUT":
            sent(call.document, set(), {"add_labels", "remove_labels"})
            self.site.before("label")
            labels |= set(filter(None, call.document.get("add_labels", "").split(",")))
            labels -= set(call.document.get("remove_labels", "").split(","))
        else:
            assert (call.method, call.query) == ("GET", {})
        found = {
            "id": 1,
            "iid": int(number),
            "project_id": 5,
            "title": "x",
            "description": None,
            "state": "opened",
            "target_branch": "main",
            "source_branch": "x",
            "source_project_id": 5,
            "target_project_id": 5,
            "labels": sorted(labels),
            "draft": False,
            "sha": self.site.heads[int(number)],
            "author": _author(1),
            "web_url": f"{call.base}/{PROJECT}/-/merge_requests/{number}",
        }
        return Response(200, told(found, MERGE_REQUEST))

    def _notes(self, call: Call, number: str) -> Response:
        if int(number) not in self.site.threads:
            return Response(404, {"message": "404 Not found"})
        if call.method == "POST":
            self._body(call)
            self.site.before("comment")
            return Response(201, _note(self.site.say(int(number), OURS, call.document["body"])))
        assert call.method == "GET"
        assert set(call.query) <= PAGING | {"sort", "order_by"}
        thread = self.site.threads[int(number)]
        notes = [_note(said) for said in (thread if call.query.get("sort") == "asc" else reversed(thread))]
        entries, headers = page(call, notes)
        return Response(200, entries, headers)

    def _note(self, call: Call, _: str, comment: str) -> Response:
        assert call.method in ("PUT", "DELETE")
        self.site.before("edit" if call.method == "PUT" else "erase")
        if call.method == "DELETE":
            return Response(204) if self.site.forget(int(comment)) else Response(404, {"message": "404 Note Not Found"})
        self._body(call)
        said = self.site.find(int(comment))
        if said is None:
            return Response(404, {"message": "404 Note Not Found"})
        said.body = call.document["body"]
        return Response(200, _note(said))

    def _body(self, call: Call) -> None:
        """A line that begins with a slash would be carried out."""
        sent(call.document, {"body"}, set())
        lines = call.document["body"].replace("\r", "").split("\n")
        assert not any(line.startswith("/") for line in lines), "a quick action"

    def _statuses(self, call: Call, sha: str) -> Response:
        assert call.method == "GET"
        assert set(call.query) <= PAGING | {"ref", "stage", "name", "all"}
        entries, headers = page(call, [_status(sha, each) for each in self.site.newest_statuses(sha)])
        return Response(200, entries, headers)

    def _status(self, call: Call, sha: str) -> Response:
        asked = call.document
        assert call.method == "POST"
        sent(asked, {"state"}, {"ref", "name", "target_url", "description"})
        assert asked["state"] in STATES
        assert len(asked["description"]) <= 255, "GitLab takes 255 characters"
        self.site.before("status")
        there = {each["context"]: each for each in self.site.newest_statuses(sha)}.get(asked["name"])
        if there and asked["state"] in ("pending", "running") and STATUS_OF[there["state"]] == asked["state"]:
            return Response(400, {"message": "Cannot transition status via :enqueue from :pending"})
        said = {"context": asked["name"], "state": STATE_OF[asked["state"]], "line": asked["description"]}
        self.site.statuses.setdefault(sha, []).append({**said, "link": asked.get("target_url", "")})
        return Response(201, _status(sha, self.site.statuses[sha][-1]))


def _author(number: int) -> dict[str, Any]:
    url = f"https://gitlab.example.com/u{number}"
    return {"id": number, "username": f"u{number}", "name": "x", "state": "active", "avatar_url": None, "web_url": url}


def _note(said: Said) -> dict[str, Any]:
    when = "2026-01-01T00:00:00Z"
    return told(
        {
            "id": said.id,
            "body": said.body,
            "attachment": None,
            "author": _author(said.author),
            "created_at": when,
            "updated_at": when,
            "system": False,
            "noteable_id": 1,
            "noteable_type": "MergeRequest",
            "project_id": 5,
            "noteable_iid": 1,
            "resolvable": False,
            "confidential": False,
            "internal": False,
        },
        NOTE,
    )


def _status(sha: str, said: dict[str, str]) -> dict[str, Any]:
    return told(
        {
            "id": 1,
            "sha": sha,
            "ref": "x",
            "status": STATUS_OF[said["state"]],
            "name": said["context"],
            "target_url": said["link"] or None,
            "description": said["line"],
            "created_at": "2026-01-01T00:00:00Z",
            "started_at": None,
            "finished_at": None,
            "allow_failure": False,
            "coverage": None,
            "author": _author(OURS),
        },
        STATUS,
    )
