"""Takes the pictures of pages in docs/: a report of drift of a fleet that is made up, and comments of the story as a
forge shows them. Needs Chromium.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reconciler.adapters.report import page
from tests.browser import Chromium, Scheme, chromium
from tests.histories import made
from tests.story.comment_page import comment_page

DOCS = Path(__file__).parent
GOLDEN = DOCS.parent / "tests" / "story" / "golden"
COMMENTS = ("destructive", "hostile")


def picture(browser: Chromium, html: str, name: str, size: tuple[int, int] | None, scheme: Scheme = "light") -> None:
    """The first so many pixels of a page, as docs/NAME.png; without a size, all of its article."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.html")
        file.write_text(html, encoding="utf-8")
        with browser.open(file, scheme) as tab:
            if size:
                tab.page.set_viewport_size({"width": size[0], "height": size[1]})
                tab.page.screenshot(path=DOCS / f"{name}.png")
            else:
                tab.page.locator("article").screenshot(path=DOCS / f"{name}.png")


def pictures(browser: Chromium) -> None:
    """All but the one of the story's own report, which is taken when the story is played."""
    report = page(made(), ())
    picture(browser, report, "drift-report", (1180, 1240))
    picture(browser, report, "drift-report-dark", (1180, 1240), "dark")
    for name in COMMENTS:
        comment = (GOLDEN / f"{name}.md").read_text(encoding="utf-8")
        picture(browser, comment_page(comment), f"story-{name}", None)


if __name__ == "__main__":
    with chromium() as started:
        pictures(started)
