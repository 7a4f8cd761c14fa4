"""What users copy into their CI: it follows the forges' schemas, and its steps do what they say.

They run as a job runs them, on a real repository with a pull request and a forge on loopback.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.place import ROOT, WEB, Place, place_in
from tests.forges.gitlab import PROJECT
from tests.forges.places import served
from tests.forges.server import TOKEN, Server
from tests.forges.site import Site

CI = ROOT / "packaging" / "ci"
BROKEN = "apiVersion: reconciler/v1\nkind: Nonsense\n"


def loaded(name: str) -> list[Any]:
    return list(yaml.safe_load_all((CI / name).read_text()))


def linted(schema: str, file: Path) -> str:
    """What check-jsonschema says against a schema that it ships with; empty: nothing."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    if schema.endswith("gitlab-ci"):
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr) if done.returncode else ""


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", "github-workflow.yml"),
        ("vendor.github-workflows", "github-workflow-forks.yml"),
    ],
)
def test_github_takes_them(schema: str, name: str, tmp_path: Path) -> None:
    assert linted(schema, CI / name) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((CI / name).read_text().replace("    timeout-minutes:", "    timeout:").replace("using:", "use:"))
    assert linted(schema, wrong), "the schema would find nothing"


def filled(name: str, **inputs: str) -> str:
    """A component's jobs with their inputs, as GitLab fills them in."""
    header, body = (CI / name).read_text().split("\n---\n")
    known = {key: (value or {}).get("default") for key, value in yaml.safe_load(header)["spec"]["inputs"].items()}
    values = {**known, **inputs}
    assert set(inputs) <= set(known)
    return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: str(values[found[1]]), body)


def test_gitlab_takes_the_component(tmp_path: Path) -> None:
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(filled("gitlab-component.yml", image="registry.example.com/reconciler:1"))
    assert linted("vendor.gitlab-ci", file) == ""
    file.write_text(file.read_text().replace("interruptible: true", "interruptible: [1]"))
    assert linted("vendor.gitlab-ci", file), "the schema would find nothing"


def test_no_text_of_a_pull_request_gets_into_a_command() -> None:
    steps = loaded("action.yml")[0]["runs"]["steps"]
    for name in ("github-workflow.yml", "github-workflow-forks.yml"):
        steps += [step for job in loaded(name)[0]["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    # Nor is its head ever checked out.
    assert {step["with"]["ref"] for step in steps if "checkout" in step.get("uses", "")} == {
        "${{ github.event.pull_request.base.sha }}"
    }


def test_forks_get_no_token_that_may_write_by_default() -> None:
    usual, forks = loaded("github-workflow.yml")[0], loaded("github-workflow-forks.yml")[0]
    # YAML 1.1 reads `on` as true.
    assert list(usual[True]) == ["pull_request"]
    assert (
        "${{ secrets" not in (CI / "github-workflow.yml").read_text() + (CI / "github-workflow-forks.yml").read_text()
    )
    assert loaded("action.yml")[0]["inputs"]["forks"]["default"] == "false"
    assert list(forks[True]) == ["pull_request_target"]
    assert forks["permissions"] == {"contents": "read", "pull-requests": "write", "statuses": "write"}


@dataclass
class Job:
    """A pull request (or merge request) 7 on a server's disk, and at a forge."""

    base: Path
    site: Site
    server: Server
    head: str
    place: Place

    def run(self, script: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """As a runner runs a step."""
        temporary = self.base / "runner"
        temporary.mkdir(exist_ok=True)
        env = {**self.place.env, "PATH": f"{self.base / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(temporary)}
        env |= {"TMPDIR": str(temporary), "GITHUB_STEP_SUMMARY": str(self.base / "summary"), **variables}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=temporary, env=env, capture_output=True, text=True, check=False)
        assert TOKEN not in done.stdout + done.stderr
        return done

    @property
    def bodies(self) -> list[str]:
        return [said.body for said in self.site.threads[7]]


def job_of(kind: str, base: Path, server: Server, site: Site) -> Job:
    """Where the forge keeps it: acme/fleet, or acme/infra/fleet.git."""
    place = place_in(base / "place")
    place.host("web-1")
    place.commit({"services/web.yaml": WEB})
    place.git("checkout", "-q", "-b", "change")
    # What a stranger would try: settings that send the token elsewhere.
    evil = '[forge]\napi_url = "http://127.0.0.1:9"\ntype = "gitlab"\n'
    head = place.commit({"services/web.yaml": WEB.replace("8080", "9090"), "reconciler.toml": evil})
    kept = base / ("acme/infra/fleet.git" if kind == "gitlab" else "acme/fleet")
    place.git("clone", "--quiet", "--bare", str(place.state), str(kept))
    ref = "refs/merge-requests/7/head" if kind == "gitlab" else "refs/pull/7/head"
    subprocess.run(["git", "-C", kept, "update-ref", ref, head], check=True)
    subprocess.run(["git", "-C", kept, "update-ref", "-d", "refs/heads/change"], check=True)
    program = base / "bin" / "reconciler"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    program.chmod(0o755)
    site.open_pull(7, head)
    return Job(base, site, server, head, place)


@pytest.fixture
def on_github(tmp_path: Path) -> Iterator[Job]:
    site = Site()
    with served("github", site) as server:
        yield job_of("github", tmp_path, server, site)


def action(job: Job, repository: str = "acme/fleet", **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's last step, with its expressions filled in as GitHub does."""
    event = {
        "number": 7,
        "head": {"sha": job.head, "repo": {"full_name": repository}},
        "base": {"ref": "main", "sha": "0" * 40, "repo": {"full_name": "acme/fleet"}},
    }
    file = job.base / "event.json"
    file.write_text(json.dumps({"pull_request": event}))
    document = loaded("action.yml")[0]
    given = {name: inputs.get(name, each.get("default", "")) for name, each in document["inputs"].items()}
    known = {
        **{f"inputs.{name}": TOKEN if "github.token" in value else value for name, value in given.items()},
        "github.server_url": f"file://{job.base}",
        "github.repository": "acme/fleet",
        "github.event.pull_request.base.ref": "main",
        "github.event.pull_request.number": "7",
    }
    install, step = document["runs"]["steps"]
    assert install["if"] == "inputs.install != ''"
    variables = {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], text) for name, text in step["env"].items()
    }
    around = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(CI),
        "GITHUB_API_URL": job.server.url,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REPOSITORY": "acme/fleet",
        "GITHUB_RUN_ID": "5",
        "GITHUB_SERVER_URL": "https://github.example.com",
    }
    return job.run(step["run"], {**around, **variables})


def test_the_action_says_it(on_github: Job) -> None:
    done = action(on_github)
    assert (done.returncode, done.stderr) == (0, "")
    [body] = on_github.bodies
    assert "1 service change" in body
    assert "listen 9090" in body
    [status] = on_github.site.newest_statuses(on_github.head)
    assert status["link"] == "https://github.example.com/acme/fleet/actions/runs/5"
    summary = (on_github.base / "summary").read_text()
    assert summary.rstrip() == body.partition("\n")[2].rstrip()
    assert list((on_github.base / "runner").iterdir()) == [], "its folder is left behind"


def test_the_action_only_shows_a_fork_unless_it_is_told(on_github: Job) -> None:
    assert action(on_github, "mallory/fleet").returncode == 0
    assert on_github.server.calls == []
    assert "listen 9090" in (on_github.base / "summary").read_text()
    assert action(on_github, "mallory/fleet", forks="true").returncode == 0
    assert len(on_github.bodies) == 1


def test_the_action_fails_in_words(on_github: Job) -> None:
    done = action(on_github, path="no/such/folder")
    assert done.returncode == 1
    assert "error: the path no is not there" in done.stderr
    assert on_github.server.calls == []


def test_the_component_says_it(tmp_path: Path) -> None:
    site = Site()
    with served("gitlab", site) as server:
        job = job_of("gitlab", tmp_path, server, site)
        text = filled("gitlab-component.yml", image="reconciler:1")
        [work] = yaml.safe_load(text).values()
        variables = {
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": TOKEN,
            "CI_JOB_TOKEN": "job-token",
            "CI_JOB_URL": "https://gitlab.example.com/job/1",
            "CI_API_V4_URL": f"{server.url}/api/v4",
            "CI_COMMIT_SHA": job.head,
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": PROJECT,
            "CI_MERGE_REQUEST_PROJECT_URL": f"file://{tmp_path}/acme/infra/fleet",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            **{name: value or "" for name, value in work["variables"].items()},
        }
        done = job.run("\n".join(work["script"]), variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert "1 comment added, 1 status set" in done.stdout
        assert "listen 9090" in job.bodies[0]


def hook(place: Place) -> subprocess.CompletedProcess[str]:
    """Our hook by pre-commit itself, but with the reconciler that is here instead of one that it would install."""
    [ours] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert ours.pop("language") == "python"
    config = {"repos": [{"repo": "local", "hooks": [{**ours, "language": "system"}]}]}
    file = place.base / "pre-commit.yaml"
    file.write_text(yaml.safe_dump(config))
    program = place.base / "bin" / "reconciler"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    program.chmod(0o755)
    env = {**place.env, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONWARNINGS": ""}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose", "--config", str(file)]
    return subprocess.run(command, cwd=place.state, env=env, capture_output=True, text=True, check=False)


def test_pre_commit_takes_our_hooks() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_hook_checks_what_would_be_committed(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    place.host("web-1")
    place.commit({"services/web.yaml": WEB})
    good = hook(place)
    assert good.returncode == 0, good.stdout + good.stderr
    place.write({"services/broken.yaml": BROKEN})
    place.git("add", "services/broken.yaml")
    bad = hook(place)
    assert bad.returncode == 1
    assert "services/broken.yaml:2" in bad.stdout
    assert place.git("log", "--all", "--format=%s") == "change", "the hook leaves a commit behind"
