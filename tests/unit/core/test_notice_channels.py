"""Who hears of what and when: routes, quiet hours by the clock on the wall, messages within an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.notifying.channel import Channel, Parcel, addressed, is_quiet, parcels
from reconciler.model.calendar import Window
from reconciler.model.notice import Notice, Outgoing

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DRIFT = Notice("0" * 32, "drift-found", NOW, ("edge",), "web", "team-web", resources=3)
STOPPED = replace(DRIFT, id="1" * 32, kind="rollout-stopped")
REFUSED = replace(DRIFT, id="2" * 32, kind="gate-refused", plan="5c1f")
ASKED = replace(REFUSED, id="3" * 32, kind="approval-needed")
OTHERS = replace(DRIFT, id="4" * 32, owner="infra", project="")
ALL = (DRIFT, STOPPED, REFUSED, ASKED, OTHERS)
NIGHT = Window("quiet", "deny", "0 22 * * *", timedelta(hours=9), "Europe/Berlin")


@pytest.mark.parametrize(
    ("channel", "hears"),
    [
        (Channel("c"), "0134"),
        (Channel("c", kinds=frozenset({"gate-refused"})), "2"),
        (Channel("c", kinds=frozenset({"gate-refused", "approval-needed"})), "3"),
        (Channel("c", owners=frozenset({"infra"})), "4"),
        (Channel("c", owners=frozenset({"team-web", "infra"}), kinds=frozenset({"drift-found"})), "04"),
        (Channel("c", projects=frozenset({"web"})), "013"),
        (Channel("c", projects=frozenset({"shop"})), ""),
    ],
)
def test_routes(channel: Channel, hears: str) -> None:
    assert [notice.id[0] for _, notice in addressed([channel], ALL)] == list(hears)


def test_a_refusal_of_another_plan_is_told_beside_an_approval() -> None:
    other = replace(REFUSED, plan="6d20")
    assert [notice for _, notice in addressed([Channel("c")], [other, ASKED])] == [other, ASKED]


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-07-01T19:59:00", False),  # 21:59 in Berlin, in summer
        ("2026-07-01T20:00:00", True),
        ("2026-07-02T04:59:59", True),
        ("2026-07-02T05:00:00", False),
        ("2026-12-01T20:30:00", False),  # 21:30, in winter
        ("2026-12-01T21:00:00", True),
        ("2026-12-02T05:59:59", True),
        ("2026-12-02T06:00:00", False),
        # In the night to 25 October the clock goes back: quiet hours last nine hours, whatever it shows.
        ("2026-10-24T20:00:00", True),
        ("2026-10-25T04:59:59", True),
        ("2026-10-25T05:00:00", False),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall(at: str, quiet: bool) -> None:
    assert is_quiet(Channel("c", quiet=(NIGHT,)), datetime.fromisoformat(at).replace(tzinfo=UTC)) is quiet


def waiting(*notices: Notice, channel: str = "c", due: datetime = NOW, tries: int = 0) -> list[Outgoing]:
    return [Outgoing(notice, channel, due, tries) for notice in notices]


def test_in_quiet_hours_only_what_is_urgent_is_sent_and_the_rest_comes_together_afterwards() -> None:
    channel = Channel("c", quiet=(NIGHT,), urgent=frozenset({"rollout-stopped"}), together=20)
    night, morning = (datetime(2026, 11, day, hour, 0, tzinfo=UTC) for day, hour in ((26, 23), (27, 6)))
    assert list(parcels([channel], waiting(DRIFT, STOPPED, ASKED), {}, night)) == [Parcel("c", (STOPPED,))]
    assert list(parcels([channel], waiting(DRIFT, ASKED), {}, morning)) == [Parcel("c", (DRIFT, ASKED))]


def test_so_many_within_an_hour_the_rest_waits() -> None:
    many = [replace(DRIFT, id=f"{n:032}") for n in range(10)]
    alone, together = Channel("c", per_hour=5), Channel("c", per_hour=5, together=4)
    assert [len(p.notices) for p in parcels([alone], waiting(*many), {}, NOW)] == [1] * 5
    assert [len(p.notices) for p in parcels([alone], waiting(*many), {"c": 3}, NOW)] == [1] * 2
    assert [len(p.notices) for p in parcels([together], waiting(*many), {"c": 3}, NOW)] == [4, 4]
    assert [len(p.notices) for p in parcels([together], waiting(*many), {}, NOW)] == [4, 4, 2]
    assert list(parcels([alone], waiting(*many), {"c": 5}, NOW)) == []
    assert list(parcels([alone], waiting(*many), {"c": 50}, NOW)) == []


def test_the_oldest_first_each_to_its_channel_when_it_is_due() -> None:
    older = replace(OTHERS, at=NOW - MINUTE)
    channels = [Channel("a"), Channel("b")]
    found = parcels(channels, [*waiting(DRIFT, older, channel="b", tries=2), *waiting(DRIFT, channel="gone")], {}, NOW)
    assert list(found) == [Parcel("b", (older,), 2), Parcel("b", (DRIFT,), 2)]
    assert list(parcels(channels, waiting(DRIFT, channel="a", due=NOW + MINUTE), {}, NOW)) == []
