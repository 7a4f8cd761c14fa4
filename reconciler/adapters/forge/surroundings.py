"""Where a CI job says that it is: the forge, the repository, the pull request, its two commits.

Reads what GitHub Actions and GitLab CI document of a job's environment, and an event's file. All of it is a default:
what is given explicitly wins. Must not know tokens, nor what is done with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import orjson

ForgeType: TypeAlias = Literal["github", "gitlab"]
ReadEvent: TypeAlias = Callable[[str], bytes]
"""Reads an event's file. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known; empty, 0 or None: it is not. `head` and `base` are full SHAs, `run` is the URL of this job.

    `fork`: the pull request comes from another repository, so whoever wrote it may not be trusted.
    """

    forge: ForgeType | None = None
    api_url: str = ""
    repository: str = ""
    pull: int = 0
    head: str = ""
    base: str = ""
    run: str = ""
    fork: bool = False


def surroundings(environment: Mapping[str, str], read: ReadEvent) -> Surroundings:
    """Where we are. An event's file that can't be read or makes no sense tells nothing."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return _github(environment, read)
    if environment.get("GITLAB_CI") == "true":
        return _gitlab(environment)
    return Surroundings()


def _github(environment: Mapping[str, str], read: ReadEvent) -> Surroundings:
    repository = environment.get("GITHUB_REPOSITORY", "")
    server, run = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_RUN_ID", "")
    found = Surroundings(
        forge="github",
        api_url=environment.get("GITHUB_API_URL", ""),
        repository=repository,
        run=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
    )
    try:
        event = orjson.loads(read(environment.get("GITHUB_EVENT_PATH", "")))
    except (OSError, orjson.JSONDecodeError):
        return found
    return _of_event(found, event)


def _of_event(found: Surroundings, event: Any) -> Surroundings:
    """By the events `pull_request`, `pull_request_target` and `workflow_run`."""
    if ran := _at(event, "workflow_run"):
        pulls = _at(ran, "pull_requests")
        return replace(
            found,
            pull=_number(_at(pulls[0], "number")) if isinstance(pulls, list) and pulls else 0,
            head=_text(_at(ran, "head_sha")),
            fork=_text(_at(ran, "head_repository", "full_name")) != found.repository,
        )
    pull = _at(event, "pull_request")
    if not pull:
        return found
    return replace(
        found,
        pull=_number(_at(pull, "number")),
        # Not GITHUB_SHA: that is a merge of both, which nobody but GitHub has.
        head=_text(_at(pull, "head", "sha")),
        base=_text(_at(pull, "base", "sha")),
        # A fork that was deleted has no repository any more.
        fork=_text(_at(pull, "head", "repo", "full_name")) != found.repository,
    )


def _gitlab(environment: Mapping[str, str]) -> Surroundings:
    def of(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    target, source = of("CI_MERGE_REQUEST_PROJECT_ID"), of("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    return Surroundings(
        forge="gitlab",
        api_url=of("CI_API_V4_URL"),
        repository=target or of("CI_PROJECT_ID"),
        pull=_number(of("CI_MERGE_REQUEST_IID")),
        # In a pipeline for merged results CI_COMMIT_SHA is a merge of both.
        head=of("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA"),
        base=of("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA"),
        run=of("CI_JOB_URL"),
        fork=bool(target) and source != target,
    )


def _at(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
