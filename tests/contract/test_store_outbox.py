"""What every store promises of notices: none is lost, each is given to one sender at a time, and told is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.adapters.store import SqlStore, outbox
from reconciler.core.notifying.channel import Parcel
from reconciler.model.errors import Stalled
from reconciler.model.notice import Notice, Outgoing, Told

NOW = datetime(2026, 11, 26, 4, 12, 7, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Opened = Callable[[], SqlStore]


@pytest.fixture(autouse=True)
def epoch(opened: Opened) -> Iterator[int]:
    """Somebody leads."""
    with opened().hold("daemon") as held:
        assert held.epoch == LEADS
        yield held.epoch


LEADS = 1
DRIFT = Notice(
    "0" * 32, "drift-found", NOW, ("base", "edge"), "web", "team-web", resources=3, reasons=("ünïcode \x1b[31m",)
)
ASKED = replace(DRIFT, id="1" * 32, kind="approval-needed", at=NOW + MINUTE, revision="r1", plan="5c1f", resources=0)
TOLD = Told("drift-found", "edge", "", "", 1, NOW, open=True)


def ids(waiting: list[Outgoing]) -> list[tuple[str, str]]:
    return [(each.channel, each.notice.id[0]) for each in waiting]


def parcel(*notices: Notice, channel: str = "team") -> Parcel:
    return Parcel(channel, notices)


class TestKeeping:
    def test_what_was_put_comes_back_exactly_the_oldest_first(self, opened: Opened) -> None:
        assert opened().outbox.put([("team", ASKED), ("team", DRIFT), ("hook", DRIFT)], [TOLD], NOW, LEADS) == 2
        found = opened().outbox.waiting()
        assert ids(found) == [("hook", "0"), ("team", "0"), ("team", "1")]
        assert found[1] == Outgoing(DRIFT, "team", DRIFT.at)
        assert opened().outbox.told() == {("drift-found", "edge"): TOLD}
        assert ids(opened().outbox.waiting(1)) == [("hook", "0")]

    def test_two_that_decide_the_same_put_it_once(self, opened: Opened) -> None:
        first, second = opened().outbox, opened().outbox
        assert first.put([("team", DRIFT)], [TOLD], NOW, LEADS) == 1
        assert first.claim(parcel(DRIFT), NOW, NOW + MINUTE)
        first.sent("team", [DRIFT.id], NOW)
        assert second.put([("team", DRIFT)], [TOLD], NOW, LEADS) == 0
        assert second.waiting() == []

    def test_who_does_not_know_yet_that_another_leads_does_not_count_back(self, opened: Opened) -> None:
        newer = replace(TOLD, times=5, at=NOW + MINUTE)
        opened().outbox.put([], [newer], NOW, LEADS)
        opened().outbox.put([], [TOLD], NOW, LEADS)
        assert opened().outbox.told() == {TOLD.topic: newer}
        opened().outbox.put([], [replace(newer, open=False)], NOW, LEADS)
        assert not opened().outbox.told()[TOLD.topic].open

    def test_who_leads_no_more_puts_nothing_in(self, opened: Opened) -> None:
        with pytest.raises(Stalled, match="lease of epoch 7 is over"):
            opened().outbox.put([("team", DRIFT)], [TOLD], NOW, 7)
        assert (opened().outbox.waiting(), opened().outbox.told()) == ([], {})

    def test_a_write_is_whole(self, opened: Opened) -> None:
        naive = replace(ASKED, at=datetime(2026, 1, 1))
        with pytest.raises(ValueError, match="no time zone"):
            opened().outbox.put([("team", DRIFT), ("team", naive)], [TOLD], NOW, LEADS)
        assert (opened().outbox.waiting(), opened().outbox.told()) == ([], {})

    def test_what_was_sent_long_ago_is_forgotten_and_what_waits_is_not(self, opened: Opened) -> None:
        store = opened().outbox
        over = replace(TOLD, service="gone", open=False)
        store.put([("team", DRIFT), ("team", ASKED)], [TOLD, over], NOW, LEADS)
        store.sent("team", [DRIFT.id], NOW)
        later = NOW + outbox.KEPT + timedelta(days=1)
        store.put([], [], later, LEADS)
        assert ids(store.waiting()) == [("team", "1")]
        assert list(store.told()) == [TOLD.topic]
        assert store.messages(NOW - MINUTE) == {}
        assert opened().problems() == []


class TestSending:
    def test_of_all_that_claim_one_gets_it_until_its_time_is_over(self, opened: Opened) -> None:
        first, second = opened().outbox, opened().outbox
        first.put([("team", DRIFT), ("team", ASKED), ("hook", DRIFT)], [], NOW, LEADS)
        assert first.claim(parcel(DRIFT), NOW, NOW + MINUTE) == {DRIFT.id}
        assert second.claim(parcel(DRIFT, ASKED), NOW, NOW + MINUTE) == {ASKED.id}
        assert second.claim(parcel(DRIFT, channel="hook"), NOW, NOW + MINUTE) == {DRIFT.id}
        assert second.claim(parcel(DRIFT), NOW + MINUTE, NOW + 2 * MINUTE) == {DRIFT.id}
        second.sent("team", [DRIFT.id], NOW + MINUTE)
        assert first.claim(parcel(DRIFT), NOW + 9 * MINUTE, NOW + 10 * MINUTE) == frozenset()
        assert ids(first.waiting()) == [("hook", "0"), ("team", "1")]

    def test_many_at_once_and_each_notice_goes_to_one(self, opened: Opened) -> None:
        notices = [replace(DRIFT, id=f"{n:032}") for n in range(20)]
        opened().outbox.put([("team", notice) for notice in notices], [], NOW, LEADS)
        senders, got = [opened().outbox for _ in range(4)], list[str]()
        begin = threading.Barrier(len(senders))

        def claim(sender: outbox.SqlOutbox) -> None:
            begin.wait()
            for notice in notices:
                got.extend(sender.claim(parcel(notice), NOW, NOW + MINUTE))

        threads = [threading.Thread(target=claim, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [notice.id for notice in notices]

    def test_a_channel_that_can_not_be_reached_is_left_alone_as_a_whole(self, opened: Opened) -> None:
        store = opened().outbox
        store.put([("team", DRIFT), ("team", ASKED), ("hook", DRIFT)], [], NOW, LEADS)
        store.claim(parcel(DRIFT), NOW, NOW + MINUTE)
        store.missed("team", [DRIFT.id], NOW + 5 * MINUTE)
        due = {(each.channel, each.notice.id[0]): (each.tries, each.due) for each in opened().outbox.waiting()}
        assert due == {
            ("team", "0"): (1, NOW + 5 * MINUTE),
            ("team", "1"): (0, NOW + 5 * MINUTE),
            ("hook", "0"): (0, NOW),
        }
        assert store.claim(parcel(DRIFT), NOW, NOW + MINUTE), "nobody is sending it any more"

    def test_messages_are_counted_not_notices(self, opened: Opened) -> None:
        store = opened().outbox
        store.put([("team", DRIFT), ("team", ASKED), ("hook", DRIFT)], [], NOW, LEADS)
        store.sent("team", [DRIFT.id, ASKED.id], NOW)
        store.sent("hook", [DRIFT.id], NOW + MINUTE)
        store.put([("hook", ASKED)], [], NOW, LEADS)
        store.sent("hook", [ASKED.id], NOW + MINUTE)
        assert opened().outbox.messages(NOW - MINUTE) == {"team": 1, "hook": 2}
        assert opened().outbox.messages(NOW) == {"hook": 2}

    def test_what_is_too_old_is_given_up_unless_it_was_sent(self, opened: Opened) -> None:
        store = opened().outbox
        store.put([("team", DRIFT), ("hook", DRIFT), ("team", ASKED)], [], NOW, LEADS)
        store.sent("hook", [DRIFT.id], NOW)
        assert store.give_up(NOW + MINUTE) == 1
        assert ids(store.waiting()) == [("team", "1")]
        assert store.messages(NOW - MINUTE) == {"hook": 1}
