"""A real Chromium without a window, for tests and pictures of pages: offline, with everything kept that it says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]


def program() -> str | None:
    """Where Chromium is, under the name that it has here."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@dataclass
class Tab:
    """A page with all that it wrote to its console, that failed in it, and that it asked anybody for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@dataclass
class Chromium:
    browser: Browser

    @contextmanager
    def open(self, file: Path, scheme: Scheme = "light", *, scripts: bool = True, width: int = 1240) -> Iterator[Tab]:
        """A file, opened as from a mail or a ticket: alone, with nothing to reach."""
        context = self.browser.new_context(
            color_scheme=scheme, java_script_enabled=scripts, viewport={"width": width, "height": 900}, offline=True
        )
        page = context.new_page()
        tab = Tab(page)
        page.on("console", lambda message: tab.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: tab.said.append(f"error: {error}"))
        page.on("request", lambda request: tab.asked.append(request.url))
        page.on("dialog", lambda dialog: (tab.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        try:
            page.goto(file.as_uri())
            yield tab
        finally:
            context.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """One browser for several pages, ended at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root it has no sandbox of its own; all that it opens is ours.
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield Chromium(browser)
        finally:
            browser.close()
