"""The page of settings: as committed, and with every setting on it."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.settings_reference import settings_page
from reconciler.config import InventorySettings, variables

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == settings_page(), "run `make docs-settings`"


def test_every_setting_is_on_it_once() -> None:
    rows = [line for line in settings_page().splitlines() if line.startswith("| `") and "`RECONCILER_" in line]
    assert sorted(row.split("`")[3] for row in rows) == sorted(variables())
    assert [row for row in rows if row.count("|") != 5 or row.split("|")[4].strip() in ("", "None")] == []


def test_every_setting_of_a_table_is_on_it() -> None:
    rows = settings_page().partition("## `[[inventory]]`")[2].partition("\n## ")[0].splitlines()
    assert [
        name for name in InventorySettings.model_fields if not any(row.startswith(f"| `{name}` |") for row in rows)
    ] == []
