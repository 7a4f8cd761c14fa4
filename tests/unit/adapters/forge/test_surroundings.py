"""What a CI job's environment tells of where it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.adapters.forge import Surroundings, surroundings

HEAD, BASE = "1" * 40, "2" * 40
ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/fleet",
    "GITHUB_API_URL": "https://github.example.com/api/v3",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_RUN_ID": "99",
    "GITHUB_EVENT_PATH": "/event.json",
    "GITHUB_SHA": "3" * 40,
}
RUN = "https://github.example.com/acme/fleet/actions/runs/99"
GITLAB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_IID": "12",
    "CI_MERGE_REQUEST_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
    "CI_COMMIT_SHA": HEAD,
    "CI_JOB_URL": "https://gitlab.example.com/acme/fleet/-/jobs/77",
}


def pull_request(repository: str | None = "acme/fleet") -> dict[str, Any]:
    repo = {"full_name": repository} if repository else None
    return {"pull_request": {"number": 12, "head": {"sha": HEAD, "repo": repo}, "base": {"sha": BASE}}}


def there(environment: dict[str, str], event: Any = None) -> Surroundings:
    def read(path: str) -> bytes:
        assert path == "/event.json"
        return event if isinstance(event, bytes) else json.dumps(event).encode()

    return surroundings(environment, read)


def on_github(**known: Any) -> Surroundings:
    return Surroundings("github", ACTIONS["GITHUB_API_URL"], "acme/fleet", run=RUN, **known)


def test_a_pull_request_on_github() -> None:
    assert there(ACTIONS, pull_request()) == on_github(pull=12, head=HEAD, base=BASE)


@pytest.mark.parametrize("repository", ["mallory/fleet", None], ids=["a fork", "a fork that was deleted"])
def test_one_from_a_fork(repository: str | None) -> None:
    assert there(ACTIONS, pull_request(repository)) == on_github(pull=12, head=HEAD, base=BASE, fork=True)


@pytest.mark.parametrize(
    ("repository", "pulls", "known"),
    [
        ("acme/fleet", [{"number": 12}], {"pull": 12}),
        # GitHub lists none for forks.
        ("mallory/fleet", [], {"fork": True}),
    ],
)
def test_a_workflow_after_another(repository: str, pulls: list[Any], known: dict[str, Any]) -> None:
    ran = {"head_sha": HEAD, "head_repository": {"full_name": repository}, "pull_requests": pulls}
    assert there(ACTIONS, {"workflow_run": ran}) == on_github(head=HEAD, **known)


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        b"",
        b"not json",
        {"push": {}},
        {"pull_request": 3},
        {"workflow_run": {"pull_requests": {}}, "x": 1},
    ],
)
def test_other_events_tell_no_pull_request(event: Any) -> None:
    found = there(ACTIONS, event)
    assert (found.repository, found.pull, found.head) == ("acme/fleet", 0, "")


def test_no_file_of_an_event() -> None:
    def unreadable(path: str) -> bytes:
        raise FileNotFoundError(path)

    assert surroundings(ACTIONS, unreadable) == on_github()


def test_a_merge_request_on_gitlab() -> None:
    assert there(GITLAB) == Surroundings(
        "gitlab", "https://gitlab.example.com/api/v4", "5", 12, HEAD, BASE, GITLAB["CI_JOB_URL"]
    )


def test_merged_results_on_gitlab() -> None:
    merged = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "4" * 40, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "5" * 40}
    found = there({**GITLAB, **merged})
    assert (found.head, found.base) == ("4" * 40, "5" * 40)


def test_a_fork_on_gitlab() -> None:
    found = there({**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "66", "CI_PROJECT_ID": "66"})
    assert (found.fork, found.repository) == (True, "5")


def test_a_pipeline_of_a_branch_is_no_merge_request() -> None:
    branch = {name: value for name, value in GITLAB.items() if "MERGE_REQUEST" not in name}
    found = there(branch)
    assert (found.pull, found.fork, found.repository) == (0, False, "5")


@pytest.mark.parametrize("number", ["", "x", "-1", "1" * 30, "٣"])
def test_a_number_that_is_none(number: str) -> None:
    assert there({**GITLAB, "CI_MERGE_REQUEST_IID": number}).pull == 0


def test_elsewhere_nothing_is_known() -> None:
    assert there({"GITHUB_REPOSITORY": "acme/fleet", "CI_PROJECT_ID": "5"}) == Surroundings()
