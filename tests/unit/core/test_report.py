"""Reports of drift: what is counted, and that text from hosts is harmless in all that is written."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.adapters.report.data import runs
from reconciler.core.explain.report import GONE, Period, Report, report
from reconciler.core.explain.report_document import report_document
from reconciler.core.explain.report_text import report_csv, report_markdown, spreadsheet
from reconciler.model.episode import Episode, FieldDrift, Manner, Thing
from reconciler.model.key import Key
from tests.histories import NOW, WEEK, fleet, made

HOW = Manner("update", (FieldDrift("value", "10", "60"), FieldDrift("mode")))
SWAP = Thing("base", Key("sysctl", "vm.swappiness"))
HOUR = timedelta(hours=1)
EVIL = "=cmd|'/C calc'!A0 <b>@all | ](javascript:x) \x1b[31m\u202e```"


def told(*episodes: Episode) -> Report:
    return report(episodes, fleet(70), Period(NOW - WEEK, NOW))


def test_what_is_counted() -> None:
    over = Episode(SWAP, HOW, NOW - 5 * HOUR, ("web-0001", "web-0069"), NOW - HOUR, "us", 7)
    on = Episode(SWAP, Manner("create", ()), NOW - HOUR / 2, ("web-0001", "gone"))
    found = told(over, on)
    [story] = found.stories
    assert (found.drifts, found.going_on, found.drifting, dict(found.ended)) == (4, 2, 2, {"us": 2})
    assert (story.past.times, story.past.drifts, story.owner) == (2, 4, "team-infra")
    [service] = found.services
    assert (service.things, service.hosts, service.drifts, service.going_on) == (1, 3, 4, 2)
    assert {(s.name, s.hosts, s.drifts) for s in found.sites} == {("frankfurt", 1, 2), ("tokyo", 1, 1), (GONE, 1, 1)}
    assert {(f.name, f.drifts) for f in found.fields} == {
        ("sysctl.value", 2),
        ("sysctl.mode", 2),
        ("sysctl: removed", 2),
    }


def test_time_adds_up() -> None:
    found = made()
    assert len(found.points) <= 60
    assert found.points[-1].going_on == found.going_on
    before = found.points[0]
    level = before.going_on - before.begun + sum(before.ended.values())
    for point in found.points:
        level += point.begun - sum(point.ended.values())
        assert point.going_on == level >= 0


def test_nothing_is_a_report_too() -> None:
    assert list(report_markdown(told(), ()))[2] == "**Nothing drifted on 70 hosts.**"
    assert report_csv(told()).count("\r\n") == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert spreadsheet(text).startswith(("'", "\\t"))


def test_what_hosts_say_is_harmless_in_every_text() -> None:
    how = Manner("update", (FieldDrift(EVIL, EVIL, EVIL),))
    found = told(replace(Episode(Thing(EVIL, Key("file", EVIL)), how, NOW - HOUR, (EVIL,))))
    sheet = report_csv(found)
    document = json.dumps(report_document(found, ()), indent=2)
    markdown = "\n".join(report_markdown(found, ()))
    for text in (sheet, document, markdown):
        assert all(char.isprintable() or char in "\r\n\u200b" for char in text)
    assert not [c for row in list(csv.reader(io.StringIO(sheet)))[1:] for c in row if c[:1] in ("=", "+", "-", "@")]
    assert "<b>" not in markdown
    assert "@all" not in markdown
    assert json.loads(document)["things"][0]["name"] == EVIL


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([0, 1, 2], "0+2"), ([5, 7, 8, 50], "5,1+1,15"), ([36], "10")])
def test_sets_are_written_as_runs(numbers: list[int], text: str) -> None:
    assert runs(numbers) == text
