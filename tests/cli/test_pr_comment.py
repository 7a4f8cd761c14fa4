"""`pr comment` as people and CI run it: against a forge on loopback, with a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.place import WEB, Place, Result, place_in
from tests.forges.jobs import event, variables
from tests.forges.places import served
from tests.forges.server import TOKEN, Response, Server, Trouble
from tests.forges.site import OURS, Site

PROJECTS = """\
apiVersion: reconciler/v1
kind: Project
metadata: {name: NAME}
spec: {description: x}
"""


@dataclass
class Opened:
    """A state repository with a pull request, which is open at a forge too."""

    place: Place
    site: Site
    server: Server
    head: str
    env: dict[str, str]

    def comment(self, *arguments: str, **env: str) -> Result:
        return self.place.run("pr", "comment", "--base", "main", *arguments, **{**self.env, **env})

    @property
    def bodies(self) -> list[str]:
        return [said.body for said in self.site.threads[7] if said.author == OURS]

    @property
    def status(self) -> dict[str, str]:
        return self.site.newest_statuses(self.head)[-1]


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = place_in(tmp_path_factory.mktemp("proposal"))
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": WEB})
    place.git("branch", "base")
    place.commit({"services/web.yaml": WEB.replace("8080", "9090")}, "port 9090")
    place.git("branch", "change")
    place.commit({"services/web.yaml": WEB.replace("8080", "9090").split("    - file: /etc/token")[0]}, "no token")
    place.git("branch", "deleting")
    place.git("reset", "-q", "--hard", "base")
    return place


@pytest.fixture(params=["github", "gitlab"])
def opened(request: pytest.FixtureRequest, proposal: Place, tmp_path: Path) -> Iterator[Opened]:
    site = Site()
    head = proposal.git("rev-parse", "change")
    site.open_pull(7, head)
    with served(request.param, site) as server:
        yield Opened(proposal, site, server, head, variables(request.param, server, tmp_path, site))


def test_in_a_ci_job_everything_is_known(opened: Opened) -> None:
    first = opened.comment()
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith("On the pull request: 1 comment added, 1 status set.\n")
    [body] = opened.bodies
    assert body.startswith("<!-- reconciler:pr ")
    assert "1 service changes" in body
    assert opened.status["state"] == "success"
    assert opened.status["link"].startswith("https://git")


def test_again_nothing_is_written(opened: Opened) -> None:
    opened.comment()
    opened.server.calls.clear()
    again = opened.comment()
    assert again.out.endswith("All of it stands there already: nothing written.\n")
    assert opened.server.counted() == ["GET"] * 4


def test_deletes_are_marked(opened: Opened) -> None:
    opened.site.heads[7] = opened.head = opened.place.git("rev-parse", "deleting")
    assert opened.comment("--head", "deleting").code == 0
    assert opened.site.labels[7] == {"reconciler: deletes"}
    assert "deleted" in opened.status["line"]


def test_another_commit_is_not_spoken_for(opened: Opened) -> None:
    result = opened.comment("--head", "deleting")
    assert result.code == 0
    assert "newer commit" in result.out
    assert opened.bodies == []


def test_options_win(opened: Opened) -> None:
    opened.site.open_pull(9, opened.head)
    link = "https://ci.example.com/9"
    assert opened.comment("--pull", "9", "--head", "change", "--link", link).code == 0
    assert opened.bodies == []
    assert len(opened.site.threads[9]) == 1
    assert opened.status["link"] == link


def test_nothing_is_written_for_a_fork(proposal: Place, tmp_path: Path) -> None:
    site = Site()
    site.open_pull(7, proposal.git("rev-parse", "change"))
    with served("github", site) as server:
        env = {**variables("github", server, tmp_path, site)}
        env["GITHUB_EVENT_PATH"] = event(tmp_path, site, "mallory/fleet")
        shown = proposal.run("pr", "comment", "--base", "main", **{**env, "GITHUB_TOKEN": ""})
        assert (shown.code, server.calls) == (0, [])
        assert "from a fork: nothing is written" in shown.out
        said = proposal.run("pr", "comment", "--base", "main", "--forks", **env)
        assert said.code == 0
        assert len(site.threads[7]) == 1


def test_it_can_be_looked_at_first(opened: Opened) -> None:
    shown = opened.comment("--dry-run", "--output", "json")
    document = shown.document
    assert (document["written"], document["pull"]) == (None, 7)
    assert [(c["project"], c["changes"], c["destructive"]) for c in document["comments"]] == [(None, 2, False)]
    markdown = opened.comment("--dry-run", "--output", "markdown").out
    assert markdown == document["comments"][0]["markdown"]
    assert opened.server.calls == []


def test_a_token_comes_from_a_file_too(opened: Opened, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    env = {"GITHUB_TOKEN": "wrong", "GITLAB_TOKEN": "wrong", "RECONCILER_FORGE__TOKEN_FILE": str(file)}
    assert opened.comment(**env).code == 0


@pytest.mark.parametrize(
    "broken", [Response(401, {"message": "no"}), Response(502), Response(200, raw=b"<html>"), None]
)
def test_the_token_is_nowhere(opened: Opened, broken: Any) -> None:
    opened.server.trouble.append(Trouble(broken, times=99))
    result = opened.comment(RECONCILER_FORGE__PATIENCE="0s", RECONCILER_DEBUG="1")
    assert result.code == 1
    assert TOKEN not in result.out + result.err
    assert result.err.startswith("error: ")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"GITHUB_TOKEN": "", "GITLAB_TOKEN": ""}, "there is no token"),
        ({"GITHUB_TOKEN": "a\nb", "GITLAB_TOKEN": "a\nb"}, "characters that no token has"),
        ({"RECONCILER_FORGE__API_URL": "http://192.0.2.1/api"}, "in the clear"),
        ({"RECONCILER_FORGE__API_URL": "ftp://x"}, "is not the URL of an API"),
        ({"RECONCILER_FORGE__REPOSITORY": "../x y"}, "forge.repository"),
        ({"RECONCILER_FORGE__CA_FILE": "/nowhere"}, "forge.ca_file /nowhere"),
        ({"GITHUB_EVENT_PATH": "/nowhere", "CI_MERGE_REQUEST_IID": ""}, "which pull request"),
    ],
)
def test_what_can_not_be_right_is_told(opened: Opened, env: dict[str, str], message: str) -> None:
    result = opened.comment("--head", "change", **env)
    assert (result.code, opened.server.calls) == (1, [])
    assert message in result.err


def test_each_project_has_a_comment(tmp_path: Path) -> None:
    place = place_in(tmp_path / "place")
    place.host("web-1")
    documents = {f"projects/{name}.yaml": PROJECTS.replace("NAME", name) for name in ("shop", "db")}
    services = {
        f"services/{name}.yaml": WEB.replace("{name: web}", f"{{name: {name}, project: {name}}}")
        .replace("/etc/web.conf", f"/etc/{name}.conf")
        .replace("/etc/token", f"/etc/{name}.token")
        for name in ("shop", "db")
    }
    place.commit({**documents, **services})
    place.git("checkout", "-q", "-b", "change")
    head = place.commit({name: text.replace("8080", "9090") for name, text in services.items()})
    site = Site()
    site.open_pull(7, head)
    with served("github", site) as server:
        env = variables("github", server, tmp_path, site)
        assert place.run("pr", "comment", "--base", "main", **env).code == 0
        assert sorted("· shop ·" in said.body for said in site.threads[7]) == [False, True]
        assert [each["context"] for each in site.newest_statuses(head)] == ["reconciler"]
        head = place.commit({"services/db.yaml": services["services/db.yaml"]}, "db as it was")
        site.heads[7] = head
        env["GITHUB_EVENT_PATH"] = event(tmp_path, site)
        assert place.run("pr", "comment", "--base", "main", **env).code == 0
        [left] = site.threads[7]
        assert "· shop ·" in left.body
        one = place.run("pr", "comment", "--base", "main", "--project", "shop", **env)
        assert one.out.endswith("On the pull request: 1 status set.\n")
        assert [each["context"] for each in site.newest_statuses(head)] == ["reconciler", "reconciler shop"]
