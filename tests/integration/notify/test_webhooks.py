"""Webhooks over real connections: signed, read by others' software, and nowhere that the operator did not mean."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from reconciler.adapters.notify import ChannelMessenger, WebhookTarget
from reconciler.adapters.outward.address import Allowed
from reconciler.core.notifying.channel import Parcel
from reconciler.core.notifying.cloudevent import event_bytes, event_schema
from reconciler.core.serving.webhook import Received, delivery
from reconciler.model.notice import Notice
from tests.integration.health.servers import saying, server
from tests.integration.health.test_prober import certificate
from tests.integration.notify.receiver import SECRET, receiving

HERE = Allowed(loopback=True, section="notify.team", what="notifications")
NOWHERE = Allowed(section="notify.team", what="notifications")
NOTICE = Notice("0" * 32, "drift-found", datetime(2026, 11, 26, tzinfo=UTC), ("edge",), "wéb", "team", resources=3)


def sent(url: str, *notices: Notice, allowed: Allowed = HERE, secret: bytes = SECRET, timeout: float = 10) -> str:
    target = WebhookTarget(url, secret, allowed, timeout=timeout)
    return ChannelMessenger({"team": target}).send(Parcel("team", notices or (NOTICE,)), "store")


def test_it_is_signed_and_a_cloudevent_that_others_can_read() -> None:
    with receiving() as receiver:
        assert sent(receiver.url) == ""
    [event] = receiver.events
    jsonschema.validate(event, event_schema())
    assert receiver.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert receiver.headers["host"] == f"127.0.0.1:{receiver.port}"
    read = from_http_event(HTTPMessage(receiver.headers, event_bytes(NOTICE, "store")))
    assert (read.get_id(), read.get_data()["project"]) == (NOTICE.id, "wéb")


def test_another_reconciler_takes_it_for_real() -> None:
    """What goes out is signed as what comes in."""
    with receiving() as receiver:
        sent(receiver.url)
    body, at = event_bytes(NOTICE, "store"), datetime.now(UTC)
    assert delivery("generic", Received(receiver.headers, body, at), SECRET) == NOTICE.id
    assert delivery("generic", Received(receiver.headers, body + b" ", at), SECRET) is None


def test_who_has_another_secret_is_not_believed() -> None:
    with receiving() as receiver:
        assert sent(receiver.url, secret=b"guessed") == "it answered 403"
    assert (receiver.forged, receiver.ids) == (1, [])


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_what_is_not_taken_is_said(status: int) -> None:
    with receiving() as receiver:
        receiver.answers = [status]
        assert sent(receiver.url) == f"it answered {status}"
        assert sent(receiver.url) == ""
    assert receiver.ids == [NOTICE.id] * 2


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as receiver:
        receiver.answers = [status]
        assert sent(receiver.url) == f"it answered {status}"
    assert receiver.ids == [NOTICE.id]


def test_several_go_one_by_one_and_the_first_that_does_not_arrive_ends_it() -> None:
    notices = [replace(NOTICE, id=str(n) * 32) for n in range(3)]
    with receiving() as receiver:
        receiver.answers = [200, 500]
        assert sent(receiver.url, *notices) == "it answered 500"
    assert receiver.ids == ["0" * 32, "1" * 32]


def test_one_that_never_answers_does_not_hold_anybody_up() -> None:
    over = threading.Event()
    with receiving() as receiver:
        receiver.hold = lambda: bool(over.wait(60)) and None
        assert sent(receiver.url, timeout=0.2) == "no answer within 0.2 s"
        over.set()


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "what answers there does not speak HTTP (BadStatusLine)"),
        (b"", "what answers there does not speak HTTP (RemoteDisconnected)"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * (2 << 20), "the answer is larger than 1 MiB"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    ],
)
def test_whatever_answers_is_read_with_care(answer: bytes, wrong: str) -> None:
    with server(saying(answer)) as made:
        assert sent(f"http://127.0.0.1:{made.port}/") == wrong


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "[fe80::1]", "[::ffff:127.0.0.1]"]
)
def test_it_goes_nowhere_that_only_this_machine_reaches(host: str) -> None:
    with receiving() as receiver:
        wrong = sent(f"http://{host}:{receiver.port}/", allowed=NOWHERE)
    assert "where notifications may not go (notify.team.allow_" in wrong
    assert (receiver.ids, receiver.forged) == ([], 0)


def test_a_name_of_which_one_address_is_bad_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("192.0.2.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert "where notifications may not go" in sent("http://hook.example.org/", allowed=NOWHERE)


@pytest.mark.parametrize("url", ["ftp://a/", "http://u:p@a/", "hook", "http://a/ b"])
def test_what_is_no_address_of_a_webhook(url: str) -> None:
    assert sent(url)


def test_certificates_are_checked_and_the_operator_says_whom_else_he_trusts(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path, "localhost")
    with server(saying(b"HTTP/1.1 200 OK\r\n\r\n"), context) as made:
        target = WebhookTarget(f"https://localhost:{made.port}/", SECRET, HERE)
        bare = ChannelMessenger({"team": target}).send(Parcel("team", (NOTICE,)), "s")
        assert "certificate is not trusted" in bare
        told = ChannelMessenger({"team": replace(target, ca_file=trusted)}).send(Parcel("team", (NOTICE,)), "s")
        assert told == ""
