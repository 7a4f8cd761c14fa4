"""Every alert has a runbook, and every runbook an alert; their links lead there."""

from __future__ import annotations

import re

import pytest
import yaml

from reconciler.adapters.metrics.alerts import GROUPS
from reconciler.adapters.metrics.files import RULES, files
from tests.command_line import ROOT

ALERTS = [alert for alerts in GROUPS.values() for alert in alerts]
SECTIONS = dict(
    re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE | re.DOTALL)
)


def anchors(page: str) -> set[str]:
    """Headings as links name them."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(runbooks: str | None = None) -> list[str]:
    rules = yaml.safe_load(files(runbooks)[RULES])
    return [rule["annotations"]["runbook_url"] for group in rules["groups"] for rule in group["rules"]]


def test_each_alert_has_its_section_in_order() -> None:
    assert list(SECTIONS) == [alert.name for alert in ALERTS]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_to_do(name: str) -> None:
    assert "\n- " in SECTIONS[name]
    assert set(re.findall(r"\(#([a-z-]+)\)", SECTIONS[name])) <= anchors("docs/runbooks.md")


def test_links_lead_there() -> None:
    assert len(links()) == len(ALERTS)
    for link in links():
        page, _, anchor = link.partition("#")
        assert anchor in anchors(page)


def test_they_lead_to_the_address_of_an_installation() -> None:
    assert links("https://wiki.example.org/x")[0] == "https://wiki.example.org/x#reconcilerdown"


def test_the_table_of_alerts_is_true() -> None:
    text = (ROOT / "docs/monitoring.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \|$", text, re.MULTILINE)
    assert rows == [(alert.name, alert.severity, alert.lasts) for alert in ALERTS]
