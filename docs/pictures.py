"""Takes the pictures of pages in docs/: a report of drift, of a fleet that is made up. Needs Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path

from reconciler.adapters.report import page
from tests.browser import chromium
from tests.histories import made

DOCS = Path(__file__).parent


def report() -> None:
    """The first screens of a report, by day and by night."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = Path(folder, "report.html")
        file.write_text(page(made(), ()), encoding="utf-8")
        for scheme, name in (("light", "drift-report.png"), ("dark", "drift-report-dark.png")):
            with browser.open(file, scheme) as tab:
                tab.page.set_viewport_size({"width": 1180, "height": 1240})
                tab.page.screenshot(path=DOCS / name)


if __name__ == "__main__":
    report()
