"""What a CI job for a pull request finds around it: variables, and GitHub's file of the event."""

from __future__ import annotations

import json
from pathlib import Path

from tests.forges.github import REPOSITORY
from tests.forges.gitlab import PROJECT
from tests.forges.server import TOKEN, Server
from tests.forges.site import Site


def event(folder: Path, site: Site, repository: str = REPOSITORY, pull: int = 7, base: str = "0" * 40) -> str:
    """GitHub's file for a job of a pull request whose head is in a repository, and whose base is a commit."""
    head = {"sha": site.heads[pull], "repo": {"full_name": repository}}
    file = folder / "event.json"
    file.write_text(json.dumps({"pull_request": {"number": pull, "head": head, "base": {"sha": base}}}))
    return str(file)


def variables(kind: str, server: Server, folder: Path, site: Site) -> dict[str, str]:
    """The environment of a job for pull request 7."""
    if kind == "gitlab":
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{server.url}/api/v4",
            "CI_MERGE_REQUEST_PROJECT_ID": PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": PROJECT,
            "CI_MERGE_REQUEST_IID": "7",
            "CI_COMMIT_SHA": site.heads[7],
            "CI_JOB_URL": "https://gitlab.example.com/job/1",
            "GITLAB_TOKEN": TOKEN,
        }
    return github_job(server, event(folder, site))


def github_job(server: Server, event_file: str) -> dict[str, str]:
    """The environment of a job of GitHub Actions."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": server.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SERVER_URL": "https://github.example.com",
        "GITHUB_RUN_ID": "1",
        "GITHUB_EVENT_PATH": event_file,
        "GITHUB_TOKEN": TOKEN,
    }
