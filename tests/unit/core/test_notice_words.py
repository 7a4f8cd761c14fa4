"""Notices in words: read by people, and harmless wherever they come up. As CloudEvents: read by programs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as some

from reconciler.core.notifying.channel import Channel
from reconciler.core.notifying.cloudevent import CONTENT_TYPE, event, event_bytes, event_schema
from reconciler.core.notifying.notice_json import notice_document, read_notice
from reconciler.core.notifying.outbox_text import outbox_document, outbox_markdown, outbox_text
from reconciler.core.notifying.wording import body, neutral, title
from reconciler.model.notice import Notice, NoticeKind, Outgoing
from tests.command_line import ROOT

NOW = datetime(2026, 11, 26, 4, 12, 7, tzinfo=UTC)
DRIFT = Notice("0" * 32, "drift-found", NOW, ("base", "edge"), "web", "team-web", resources=3)
ASKED = Notice(
    "1" * 32, "approval-needed", NOW, ("edge",), "web", "team-web", "1a2b3c4d5e", "5c1f09abcd",
    reasons=("the plan deletes 40 resources; the limit is 10",),
)  # fmt: skip
HOSTILE = "\x1b[2J@here <!channel> <@U1> [x](http://evil) `rm` \u202e\nBcc: a@b"


def test_one_notice_in_words() -> None:
    assert title([DRIFT]) == "3 resources on hosts drift: base, edge (web, team-web)"
    assert body([DRIFT]) == "2026-11-26 04:12 UTC\nlook: reconciler drift"
    assert title([ASKED]) == "an approval is needed: edge (web, team-web)"
    assert body([ASKED]) == (
        "the plan deletes 40 resources; the limit is 10\n"
        "revision 1a2b3c4, 2026-11-26 04:12 UTC\n"
        "look: reconciler approve 5c1f09ab --reason WHY"
    )


def test_several_in_one_message() -> None:
    assert title([DRIFT, ASKED, DRIFT]) == "3 notices: 1 × approval-needed, 2 × drift-found"
    said = body([DRIFT, ASKED])
    assert said.startswith("3 resources on hosts drift: base, edge (web, team-web)\n2026-11-26 04:12 UTC\nlook: ")
    assert "\n\nan approval is needed: edge (web, team-web)\nthe plan deletes" in said


def test_many_services_are_some_names_and_a_number() -> None:
    many = replace(DRIFT, services=tuple(f"s{n:03}" for n in range(300)), resources=1)
    assert title([many]) == "1 resource on hosts drifts: s000, s001, s002, s003, s004 and 295 more (web, team-web)"


@pytest.mark.parametrize("kind", get_args(NoticeKind))
def test_hostile_text_means_nothing_in_a_mail_a_chat_or_a_page(kind: NoticeKind) -> None:
    notice = replace(ASKED, kind=kind, services=("edge",), owner=HOSTILE, reasons=(HOSTILE,))
    for text in (title([notice]), *body([notice]).split("\n")):
        assert text.isprintable() or "\u200b" in text
        assert not set("<>`[]\x1b\u202e\r\n") & set(text)
        assert "@here" not in text
        assert "a@b" not in text


@given(some.text())
def test_any_text_stays_one_bounded_line(text: str) -> None:
    assert len(neutral(text)) <= 2 * 500
    assert not set("<>`[]\r\n\x1b") & set(neutral(text))


NOTICES = some.builds(
    Notice,
    id=some.text("0123456789abcdef", min_size=32, max_size=32),
    kind=some.sampled_from(get_args(NoticeKind)),
    at=some.datetimes(timezones=some.just(UTC)),
    services=some.lists(some.text(min_size=1), min_size=1).map(tuple),
    project=some.text(),
    owner=some.text(),
    revision=some.text(),
    plan=some.text(),
    resources=some.integers(0, 2**40),
    reasons=some.lists(some.text()).map(tuple),
)


@given(NOTICES)
def test_any_notice_comes_back_and_is_an_event_by_the_schema(notice: Notice) -> None:
    assert read_notice(json.loads(json.dumps(notice_document(notice)))) == notice
    jsonschema.validate(event(notice, "s"), event_schema())


def test_a_program_reads_it_with_the_sdk_of_cloudevents() -> None:
    message = HTTPMessage({"content-type": CONTENT_TYPE}, event_bytes(ASKED, "store"))
    read = from_http_event(message)
    assert (read.get_id(), read.get_type(), read.get_specversion()) == ("1" * 32, "reconciler.approval-needed", "1.0")
    assert (read.get_source(), read.get_subject(), read.get_time()) == ("/reconciler/store", "web/edge", NOW)
    assert read.get_data()["next"] == "reconciler approve 5c1f09ab --reason WHY"


def test_the_schema_is_published_and_refuses_what_is_none() -> None:
    assert json.loads((ROOT / "schemas/notice.schema.json").read_text()) == event_schema()
    good = event(DRIFT, "s")
    for broken in ({**good, "specversion": "0.3"}, {**good, "id": ""}, {**good, "data": {}}, {**good, "more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, event_schema())


def test_the_outbox_in_words() -> None:
    waits = [Outgoing(DRIFT, "team", NOW), Outgoing(ASKED, "team", NOW.replace(minute=20), tries=4)]
    channels = [Channel("team"), Channel("hook")]
    assert [line.text for line in outbox_text(channels, waits, NOW)] == [
        "team   2 notices wait, since 04:12 UTC today · could not be told in 4 tries, the next at 04:20:07 UTC",
        "  2026-11-26 04:12 UTC   3 resources on hosts drift: base, edge (web, team-web)",
        "  2026-11-26 04:12 UTC   an approval is needed: edge (web, team-web)",
        "hook   nothing waits",
    ]
    assert len(list(outbox_text(channels, waits * 9, NOW))) == 13
    assert next(outbox_text([], [], NOW)).text.startswith("Nobody is told anything")
    assert list(outbox_markdown(channels, [], NOW)) == ["- **team** nothing waits", "- **hook** nothing waits"]
    assert [len(c["waiting"]) for c in outbox_document(channels, waits, NOW)["channels"]] == [2, 0]
