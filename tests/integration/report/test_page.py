"""The page of a report in a real Chromium: it loads, filters and pages, alone, without a word on the console; and text
from hosts stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.report import page
from reconciler.core.explain.ignoring import Snippet
from reconciler.core.explain.report import Period, Report, report
from reconciler.model.desired import Service
from reconciler.model.episode import Episode, FieldDrift, Manner, Thing
from reconciler.model.key import Key, Place
from tests.browser import Chromium, Scheme, Tab, chromium
from tests.histories import NOW, WEEK, episodes, fleet, made

pytestmark = pytest.mark.browser
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m\u202egnp"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def week() -> Report:
    return made()


@pytest.fixture(scope="module")
def file(week: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(page(week, ()), tmp_path_factory.mktemp("page"))


@pytest.fixture
def tab(browser: Chromium, file: Path) -> Iterator[Tab]:
    with browser.open(file) as opened:
        yield opened
        assert opened.said == []


def written(text: str, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def rows(tab: Tab) -> list[str]:
    """What the rows of the long table are about."""
    return tab.page.locator("#rows tr:not(.detail) code").all_inner_texts()


def choose(tab: Tab, name: str, value: str) -> None:
    tab.page.select_option(f"#{name}", value)


class TestLoading:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_needs_nothing_else_and_says_nothing(self, browser: Chromium, file: Path, scheme: Scheme) -> None:
        with browser.open(file, scheme) as tab:
            assert tab.asked == [file.as_uri()]
            assert tab.said == []
            assert tab.page.locator("#count").inner_text().endswith(" things")

    def test_it_follows_the_reader_into_the_dark_and_back(self, browser: Chromium, file: Path) -> None:
        def back(tab: Tab) -> str:
            return str(tab.page.evaluate("getComputedStyle(document.body).backgroundColor"))

        with browser.open(file, "light") as light, browser.open(file, "dark") as dark:
            bright, dim = back(light), back(dark)
            assert bright != dim
            light.page.click("#theme")
            dark.page.click("#theme")
            assert (back(light), back(dark)) == (dim, bright)

    def test_it_tells_the_most_without_scripts(self, browser: Chromium, file: Path, week: Report) -> None:
        with browser.open(file, scripts=False) as tab:
            assert len(rows(tab)) == min(50, len(week.stories))
            assert tab.page.locator("#filters").is_hidden()
            assert "scripts are off" in tab.page.inner_text("body")

    def test_nothing_but_its_own_script_can_run_and_nothing_can_be_sent(self, tab: Tab) -> None:
        page = tab.page
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
        assert page.evaluate("window.ran") is None
        sent = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
        page.evaluate("document.body.style.color = ''")
        assert sent == "refused"
        assert [line for line in tab.said if "Content Security Policy" in line]
        tab.said.clear()

    def test_people_who_listen_get_all_of_it(self, tab: Tab, week: Report) -> None:
        page = tab.page
        assert page.locator("h1").count() == 1
        assert page.get_by_role("img", name="Drift over time").count() == 1
        assert page.get_by_role("searchbox").count() == 1
        assert page.get_by_role("status").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"
        for table in page.locator("table").all():
            assert table.locator("th[scope=col]").count() > 1
        unnamed = page.locator("input, select, button").evaluate_all(
            "all => all.filter(e => !(e.labels && e.labels.length) && !e.textContent.trim()).length"
        )
        assert unnamed == 0
        assert page.locator("details table tbody tr").count() == len(week.points)

    def test_it_fits_a_telephone(self, browser: Chromium, file: Path) -> None:
        with browser.open(file, width=390) as tab:
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_all_text_can_be_told_from_its_ground(self, browser: Chromium, file: Path, scheme: Scheme) -> None:
        with browser.open(file, scheme) as tab:
            assert tab.page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const light = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!color.startsWith("rgba(0, 0, 0, 0")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const e of document.querySelectorAll("p,h1,h2,h3,td,th,small,code,span,b,button,label,summary,li")) {
    if (!e.textContent.trim() || !e.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName} ${e.className} ${ratio.toFixed(2)}: ${e.textContent.trim().slice(0, 30)}`);
  }
  return [...new Set(poor)];
}"""
"""Text whose contrast is below 4.5, as WCAG 2 reckons it."""


class TestFinding:
    def test_a_host_is_found_and_marked(self, tab: Tab, week: Report) -> None:
        story = week.fights[0]
        host = story.past.fighting[0]
        tab.page.fill("#q", host)
        found = rows(tab)
        assert str(story.thing.key) in found
        assert len(found) == sum(host in s.past.hosts for s in week.stories)
        tab.page.locator("#rows button", has_text=str(story.thing.key)).first.click()
        assert tab.page.locator(".detail mark").first.inner_text() == host

    def test_words_are_found_wherever_they_are(self, tab: Tab, week: Report) -> None:
        tab.page.fill("#q", "TEAM-DATA")
        assert set(rows(tab)) == {str(s.thing.key) for s in week.stories if s.owner == "team-data"}
        tab.page.fill("#q", "no such thing")
        assert rows(tab) == []
        assert tab.page.locator("#count").inner_text() == f"0 of {len(week.stories)} things"

    def test_choices_go_together(self, tab: Tab, week: Report) -> None:
        choose(tab, "service", "base")
        choose(tab, "kind", "file")
        assert set(rows(tab)) == {"file//etc/motd", "file//etc/ssh/sshd_config"}
        choose(tab, "state", "fight")
        assert rows(tab) == []
        tab.page.click("#clear")
        assert len(rows(tab)) == len(week.stories)

    def test_a_place_is_where_its_hosts_are(self, tab: Tab, week: Report) -> None:
        for share in week.sites:
            choose(tab, "site", share.name)
            assert len(rows(tab)) == share.things, share.name

    def test_what_goes_on_and_what_is_over(self, tab: Tab, week: Report) -> None:
        choose(tab, "state", "now")
        assert len(rows(tab)) == len(week.oldest)
        choose(tab, "order", "since")
        assert rows(tab) == [str(story.thing.key) for story in week.oldest]
        choose(tab, "state", "over")
        assert len(rows(tab)) == len(week.stories) - len(week.oldest)

    def test_a_row_opens_and_closes_by_keyboard(self, tab: Tab) -> None:
        button = tab.page.locator("#rows button").first
        button.press("Enter")
        assert button.get_attribute("aria-expanded") == "true"
        assert tab.page.locator(".detail").count() == 1
        assert "asked for at services/" in tab.page.locator(".detail").inner_text()
        button.press("Enter")
        assert tab.page.locator(".detail").count() == 0


def test_many_things_come_in_pages(browser: Chromium, tmp_path: Path) -> None:
    how = Manner("update", (FieldDrift("mode", "0644", "0600"),))
    many = [Episode(Thing("base", Key("file", f"/srv/{n:03}")), how, NOW - WEEK / 2, ("web-0001",)) for n in range(120)]
    told = report(many, fleet(10), Period(NOW - WEEK, NOW))
    with browser.open(written(page(told, ()), tmp_path)) as tab:
        assert (len(rows(tab)), tab.page.inner_text("#page")) == (50, "page 1 of 3")
        assert tab.page.locator("#back").is_disabled()
        tab.page.click("#forth")
        tab.page.click("#forth")
        assert (len(rows(tab)), tab.page.inner_text("#page")) == (20, "page 3 of 3")
        assert tab.page.locator("#forth").is_disabled()
        tab.page.fill("#q", "/srv/119")
        assert rows(tab) == ["file//srv/119"]
        assert tab.said == []


def test_what_hosts_say_stays_text(browser: Chromium, tmp_path: Path) -> None:
    how = Manner("update", (FieldDrift(EVIL, EVIL, EVIL),))
    fight = [
        Episode(Thing(EVIL, Key("file", EVIL)), how, NOW - n * WEEK / 90, (EVIL,), NOW - n * WEEK / 90, "us", n)
        for n in range(1, 5)
    ]
    desired = fleet(10)
    evil = replace(desired, services={EVIL: Service(EVIL, Place(EVIL, 1, 1), EVIL, EVIL)}, revision=EVIL)
    snippet = Snippet(EVIL, 1, 1, "after", (EVIL,), (EVIL,), (Thing(EVIL, Key("file", EVIL)),), (), ())
    told = report([*fight, replace(fight[0], until=None, ended=None)], evil, Period(NOW - WEEK, NOW), EVIL)
    text = page(told, [snippet])
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    with browser.open(written(text, tmp_path)) as tab:
        tab.page.locator("#rows button").first.click()
        tab.page.fill("#q", "onerror")
        assert tab.said == []
        assert tab.page.locator("img").count() == 0
        assert tab.page.locator("script").count() == 2
        shown = EVIL.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
        assert tab.page.locator("#rows code").first.inner_text() == f"file/{shown}"
        assert shown in tab.page.locator(".detail").inner_text()


def test_a_large_fleet_fits_and_can_be_searched(browser: Chromium, tmp_path: Path) -> None:
    desired = fleet(110_000)
    told = report(episodes(desired, 6_000), desired, Period(NOW - WEEK, NOW))
    assert told.drifts > 200_000
    text = page(told, ())
    assert len(text.encode()) < 3_000_000
    with browser.open(written(text, tmp_path)) as tab:
        [host] = {story.past.fighting[0] for story in told.stories if story.thing.key.name == "vm.swappiness"}
        tab.page.fill("#q", host)
        assert "sysctl/vm.swappiness" in rows(tab)
        assert tab.said == []
