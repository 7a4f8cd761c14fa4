"""Notices of the real daemon to a real receiver of webhooks; and what the command says of them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.daemon import Served, serving, until
from tests.cli.place import WEB, Place, place_in
from tests.integration.notify.receiver import SECRET, Receiver, receiving

REPORT = WEB.replace("spec:\n", "spec:\n  sync: auto\n")
FAST = ("--poll-interval", "1s", "--observe-interval", "2s")
CHANNEL = """\
[[notify]]
name = "hook"
type = "webhook"
url = "{url}"
secret_file = "{secret}"
owners = ["team-web"]
allow_loopback = true
"""


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A service that is applied, and of which drift is only reported."""
    place = place_in(tmp_path)
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": REPORT})
    assert place.run("apply", "--yes").code == 0
    return place


def settings(place: Place, url: str) -> None:
    secret = place.base / "secret"
    secret.write_bytes(SECRET + b"\n")
    (place.state / "reconciler.toml").write_text(CHANNEL.format(url=url, secret=secret))


def drift(place: Place, daemon: Served) -> None:
    """Somebody changes a host once the daemon leads."""
    until(lambda: daemon.ready()["role"] == "leader", daemon)
    (place.root("web-2") / "etc/web.conf").write_text("by hand\n")


def kinds(told: Receiver) -> list[str]:
    return [event["data"]["kind"] for event in told.events]


def test_drift_and_its_healing_are_told_once_each(place: Place, told: Receiver) -> None:
    settings(place, told.url)
    with serving(place, *FAST) as daemon:
        drift(place, daemon)
        until(lambda: kinds(told) == ["drift-found"], daemon)
        (place.root("web-2") / "etc/web.conf").write_text("listen 8080\nname web-2\n")
        until(lambda: kinds(told) == ["drift-found", "healed"], daemon)
        until(lambda: daemon.metric('reconciler_notifications_total{result="sent"}') == 2, daemon)
        assert daemon.end() == 0
    [found, _] = told.events
    assert (found["subject"], found["data"]["owner"], found["data"]["resources"]) == ("web", "team-web", 1)
    assert told.forged == 0
    assert SECRET.decode() not in daemon.log.read_text()
    assert "told  channel=hook notices=1" in daemon.log.read_text()


def test_a_daemon_that_is_killed_leaves_it_to_the_next(place: Place) -> None:
    with receiving() as first:
        port = first.port
    settings(place, f"http://127.0.0.1:{port}/hook")
    with serving(place, *FAST, name="killed") as daemon:
        drift(place, daemon)
        until(lambda: "could not be told" in daemon.log.read_text(), daemon)
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()
    waits = place.run("notify")
    assert "hook   1 notice waits, since" in waits.out
    assert "1 resource on hosts drift: web (team-web)" in waits.out
    [channel] = json.loads(place.run("notify", "--output", "json").out)["channels"]
    [waiting] = channel["waiting"]
    with receiving(port) as told, serving(place, *FAST, name="next") as daemon:
        until(lambda: told.events, daemon)
        assert daemon.end() == 0
    assert [event["id"] for event in told.events] == [waiting["notice"]["id"]]
    assert place.run("notify").out == "hook   nothing waits\n"


def test_one_that_died_while_it_was_sending_sends_again_under_the_same_id(place: Place, told: Receiver) -> None:
    settings(place, told.url)
    with serving(place, *FAST, name="killed") as daemon:
        # It has arrived, and before anybody can know that the daemon is gone.
        told.hold = lambda: os.kill(daemon.process.pid, signal.SIGKILL)
        drift(place, daemon)
        until(lambda: daemon.process.poll() is not None, daemon)
    told.hold = lambda: None
    # What would take minutes: that nobody is sending it any more.
    with sqlite3.connect(_store(place)) as connection:
        assert (
            connection.execute("UPDATE outgoing SET claimed_until = '2026-01-01' WHERE sent_at IS NULL").rowcount == 1
        )
    connection.close()
    with serving(place, *FAST, name="next") as daemon:
        until(lambda: len(told.ids) == 2, daemon)
        until(lambda: "told  channel=hook" in daemon.log.read_text(), daemon)
        assert daemon.end() == 0
    assert len(set(told.ids)) == 1


def _store(place: Place) -> Path:
    [found] = (place.base / "home").rglob("*.db")
    return found


def test_a_channel_is_tried_by_hand(place: Place, told: Receiver) -> None:
    settings(place, told.url)
    assert place.run("notify", "test", "hook").out == "hook has taken it.\n"
    assert told.events[0]["data"]["reasons"] == ["This is a test: nothing has happened."]
    told.answers = [500]
    broken = place.run("notify", "test", "hook")
    assert (broken.code, "hook could not be told: it answered 500" in broken.err) == (1, True)
    unknown = place.run("notify", "test", "hok")
    assert (unknown.code, "there is no channel 'hok'" in unknown.err, "there are: hook" in unknown.err) == (
        1,
        True,
        True,
    )


def test_nobody_is_told_anything_unless_that_is_set(place: Place) -> None:
    assert place.run("notify").out.startswith("Nobody is told anything: there is no [[notify]]")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('url = "', 'urls = "', "notify.0.urls is no setting"),
        ('type = "webhook"', 'type = "pager"', "notify.0.type: Input should be 'apprise' or 'webhook'"),
        ('owners = ["team-web"]', 'kinds = ["drift"]', "notify.0.kinds.0: Input should be 'drift-found'"),
        ("secret_file", "secret_env = \"HOOK\"\nsecret_file", "give a webhook one of"),
        ("secret\"", "gone\"", "No such file or directory"),
        ('owners = ["team-web"]', 'quiet = [{cron = "x", duration = "9h"}]', "notify.0.quiet.0.cron"),
        ('owners = ["team-web"]', 'quiet = [{cron = "0 22 * * *", duration = "9h", timezone = "Berlin"}]', "time zone"),
        ('owners = ["team-web"]', "per_hour = 0.5", "notify.0.per_hour"),
    ],
)  # fmt: skip
def test_mistakes_in_the_settings_are_found(place: Place, old: str, new: str, said: str) -> None:
    settings(place, "https://hook.example.org/")
    file = place.state / "reconciler.toml"
    assert place.run("config", "check").code == 0
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    checked = place.run("config", "check")
    assert checked.code == 1
    assert said in checked.err


def test_an_address_that_apprise_does_not_know_is_found_without_being_shown(place: Place) -> None:
    (place.state / "reconciler.toml").write_text('[[notify]]\nname = "chat"\ntype = "apprise"\nurl_env = "CHAT"\n')
    checked = place.run("config", "check", CHAT="nonsense://s3cret-canary", PYTHONWARNINGS="")
    assert (checked.code, "notify.chat.url is no address that apprise knows" in checked.err) == (1, True)
    assert "s3cret" not in checked.err + checked.out
    assert "notify.chat.url_env CHAT is empty" in place.run("config", "check").err
    assert place.run("config", "check", CHAT="json://localhost", PYTHONWARNINGS="").code == 0
