"""Plays the story and writes down what it says: tests/story/golden, the blocks of docs/story.md, and all pictures.

Needs Chromium. What changed is to be read by a person before it is committed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).with_name("story.md")
GOLDEN = PAGE.parents[1] / "tests" / "story" / "golden"
_BLOCK = re.compile(r"(<!-- from the story: (\S+) -->\n)(`{3,})\w*\n.*?\n\3\n", re.DOTALL)
_LANGUAGES = {"md": "markdown", "json": "json", "txt": "text"}


def golden() -> dict[str, str]:
    """All texts that are written down, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(GOLDEN.iterdir())}


def filled(page: str, texts: Mapping[str, str]) -> str:
    """The page with these texts in its blocks. Raises KeyError for a block of a text that is not there."""
    return _BLOCK.sub(lambda found: found[1] + _fenced(found[2], texts[found[2]]), page)


def named(page: str) -> list[str]:
    """The texts that the page shows."""
    return [found[2] for found in _BLOCK.finditer(page)]


def _fenced(name: str, text: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{_LANGUAGES[name.rpartition('.')[2]]}\n{text.rstrip()}\n{fence}\n"


def main() -> None:
    """Plays it, and writes."""
    from docs.pictures import picture, pictures
    from tests.browser import chromium
    from tests.story.play import play

    with tempfile.TemporaryDirectory() as folder:
        story = play(Path(folder))
    for path in GOLDEN.iterdir():
        path.unlink()
    for name, text in story.texts.items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), golden()), encoding="utf-8")
    with chromium() as browser:
        pictures(browser)
        picture(browser, story.report, "story-report", (1180, 900))


if __name__ == "__main__":
    main()
