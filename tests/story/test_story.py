"""The story goes as it is written down, and what it says stands word by word in `golden` (`make docs-story`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser import chromium
from tests.story.comment_page import comment_page
from tests.story.masks import masked
from tests.story.play import Story, play

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.name for path in GOLDEN.iterdir())


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return play(tmp_path_factory.mktemp("story"))


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_is_written_down(story: Story, name: str) -> None:
    golden = (GOLDEN / name).read_text(encoding="utf-8")
    assert masked(story.texts[name]) == masked(golden), "read what it says now; to accept it: make docs-story"


def test_everything_that_it_says_is_written_down(story: Story) -> None:
    assert sorted(story.texts) == NAMES


def test_the_hosts_end_as_git_says(story: Story) -> None:
    for name in ("db-1", "db-2", "web-1", "web-2", "web-3", "web-4"):
        root = story.place.root(name)
        assert (root / "etc/ssh/sshd_config").read_text() == "Port 22\nPermitRootLogin no\n"
        assert not (root / "srv/agent").exists()
        shop = root / "srv/shop/shop.conf"
        assert shop.exists() == name.startswith("web")
        if shop.exists():
            assert shop.read_text() == "version = 2.1\nport    = 8080\nworkers = 6\n"
            assert shop.stat().st_mode & 0o777 == 0o640


def test_what_the_stranger_wanted_is_nowhere(story: Story) -> None:
    for root in (story.place.base / "hosts").iterdir():
        assert not (root / "etc/cron.d").exists()
        assert not (root / "srv/probe").exists()
    said = "".join([*story.texts.values(), story.report])
    assert not re.search(r"^.*root:[^:\n]*:\d+:", said, re.MULTILINE), "what a template asked for of this computer"
    assert story.receiver.forged == 0


def test_the_forge_shows_what_it_should(story: Story) -> None:
    def standing(pull: int) -> tuple[str, set[str]]:
        [status] = story.site.newest_statuses(story.site.heads[pull])
        return status["state"], story.site.labels[pull]

    assert standing(1) == ("success", set())
    assert standing(2) == ("failure", {"reconciler: deletes"})
    assert standing(3)[0] == "failure"


def test_who_healed_what_is_on_record(story: Story) -> None:
    runs = story.place.run("runs", "--output", "json").document["runs"]
    assert [run["actor"] for run in reversed(runs)] == ["ada@cli", "ada@cli", "eve@cli", "reconciler@serve", "ada@cli"]
    assert story.place.run("drift").code == 0
    report = story.place.run("drift", "report", "--since", "1h", "--output", "json").document
    ended = {thing["name"]: [(each["ended"], each["run"]) for each in thing["episodes"]] for thing in report["things"]}
    assert ended == {"sshd-no-root": [("us", 4)], "/srv/shop/shop.conf": [("us", 5)]}


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".md") and name != "report.md"])
def test_a_comment_is_text_in_a_browser(story: Story, name: str, tmp_path: Path) -> None:
    file = tmp_path / "comment.html"
    file.write_text(comment_page(story.texts[name]), encoding="utf-8")
    with chromium() as browser, browser.open(file) as tab:
        assert tab.page.locator("a, img, script, iframe").count() == 0
        assert tab.page.locator("details details").count() == 0
        assert (tab.asked, tab.said) == ([file.as_uri()], [])


@pytest.mark.browser
def test_the_report_opens_and_finds(story: Story, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(story.report, encoding="utf-8")
    with chromium() as browser, browser.open(file) as tab:
        assert tab.page.locator("#count").inner_text() == "2 things"
        tab.page.fill("#q", "web-3")
        assert tab.page.locator("#rows tr:not(.detail) code").all_inner_texts() == ["file//srv/shop/shop.conf"]
        assert (tab.asked, tab.said) == ([file.as_uri()], [])
