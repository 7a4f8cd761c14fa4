"""The small edges of the daemon: its post, its ticks, and what it tells systemd."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.adapters.post import MOST, Mailbox
from reconciler.adapters.systemd import notify
from reconciler.adapters.ticker import SCHEDULE, slot, ticking
from reconciler.ports import Tick, Woken

NOW = datetime(2026, 11, 23, 9, 0, 3, 250_000, tzinfo=UTC)


class TestPost:
    def test_messages_come_in_order_and_all_at_once(self):
        post = Mailbox()
        ticks = [Tick("beat", NOW + timedelta(seconds=n)) for n in range(3)]
        for tick in ticks:
            post.put(tick)
        assert post.wait(60) == ticks
        assert post.wait(0) == []
        post.close()

    def test_what_is_too_much_is_dropped_and_ending_still_comes_through(self):
        post = Mailbox()
        for _ in range(2 * MOST):
            post.put(Woken())
        post.stop()
        assert (post.stopping(), post.wait(60)) == (True, [])
        post.close()

    def test_work_is_done_aside_and_says_so(self):
        post, done = Mailbox(), []
        post.aside(lambda: done.append(1))
        assert post.wait(60) == [Woken()]
        assert done == [1]
        post.close()


class TestTicks:
    def test_all_daemons_name_a_tick_alike(self):
        every = timedelta(seconds=5)
        assert slot(NOW, every) == slot(NOW + timedelta(seconds=1), every) == datetime(2026, 11, 23, 9, tzinfo=UTC)
        assert slot(NOW + timedelta(seconds=2), every) == datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
        assert slot(NOW, timedelta(seconds=0.5)) == NOW.replace(microsecond=0)

    def test_they_come_until_the_end(self):
        post = Mailbox()
        with ticking(timedelta(seconds=0.5), post.put):
            first, second = post.wait(60)[0], post.wait(60)[0]
        assert isinstance(first, Tick)
        assert isinstance(second, Tick)
        assert (first.schedule, first.fire_time < second.fire_time) == (SCHEDULE, True)
        post.close()


class TestSystemd:
    @pytest.mark.parametrize("abstract", [False, True])
    def test_it_hears_what_is_said(self, tmp_path, monkeypatch, abstract):
        name = f"@reconciler-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(name.replace("@", "\0", 1))
            notify("READY=1")
            assert receiver.recv(100) == b"READY=1"

    @pytest.mark.parametrize("value", ["", "relative", "/nowhere/at/all"])
    def test_without_it_nothing_happens(self, monkeypatch, value):
        monkeypatch.setenv("NOTIFY_SOCKET", value)
        notify("READY=1")
