"""Messages to people by apprise: as mail through a real SMTP server, and without a word of the secret that it takes."""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from reconciler.adapters.notify import AppriseTarget, ChannelMessenger, known
from reconciler.adapters.notify.apprise import without_secrets
from reconciler.core.notifying.channel import Parcel
from reconciler.model.notice import Notice

pytestmark = [
    # On Python 3.11 apprise itself still imports it.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    # The server of this test is on loopback only.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]

AT = datetime(2026, 11, 26, 4, 12, tzinfo=UTC)
PASSWORD = "s3cret-canary"
HOSTILE = "</p><b>@here</b> [x](http://evil) \x1b[31m"
DRIFT = Notice("0" * 32, "drift-found", AT, ("base", "édge"), "web", "team-web", resources=3)
STOPPED = Notice("1" * 32, "rollout-stopped", AT, ("edge",), "web", "team-web", "1a2b3c4d", reasons=(HOSTILE,))


class Mailbox:
    """Takes mail from who knows the password."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return "554 we are full"
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 taken"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == PASSWORD.encode())


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = Controller(
        box, "127.0.0.1", 0, authenticator=box.authenticate, auth_required=True, auth_require_tls=False
    )
    # It connects to itself to see that it is there, and wants to know the port before it has one.
    controller.port = _free_port()
    controller.start()
    yield box, controller.port
    controller.stop()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def address(port: int, password: str = PASSWORD) -> str:
    return f"mailto://ops:{password}@127.0.0.1:{port}?from=r@example.org&to=team@example.org&mode=insecure&format=text"


def sent(url: str, *notices: Notice) -> str:
    return ChannelMessenger({"team": AppriseTarget(url)}).send(Parcel("team", notices), "store")


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_several_notices_are_one_mail_that_says_them_all(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    assert sent(address(port), DRIFT, STOPPED) == ""
    [mail] = box.mails
    assert mail["Subject"] == "reconciler: 2 notices: 1 × drift-found, 1 × rollout-stopped"
    assert mail["To"] is not None
    assert "team@example.org" in mail["To"]
    said = text(mail)
    assert "3 resources on hosts drift: base, édge (web, team-web)" in said
    assert "a rollout was stopped: edge (web, team-web)" in said
    assert "look: reconciler runs" in said


def test_text_of_others_is_nothing_but_text(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    sent(address(port), STOPPED)
    for part in box.mails[0].walk():
        if part.get_content_maintype() == "text":
            content = str(part.get_content())
            assert not {"<b>", "@here", "\x1b", "](http"} & {
                w for w in ("<b>", "@here", "\x1b", "](http") if w in content
            }


def test_what_is_not_taken_is_said_without_the_password(mailbox: tuple[Mailbox, int], caplog: Any, capfd: Any) -> None:
    box, port = mailbox
    wrong = sent(address(port, "wrong-s3cret"), DRIFT)
    assert wrong
    assert "wrong-s3cret" not in wrong
    box.refuse = True
    assert sent(address(port), DRIFT) == 'Sending email to "…@…" failed.'
    assert box.mails == []
    assert sent(address(1), DRIFT)
    assert "".join(capfd.readouterr()) == ""
    assert "s3cret" not in caplog.text


def test_addresses_that_apprise_knows() -> None:
    assert known("mailto://u:p@example.org")
    assert not known("nonsense")
    assert not known("gopher://x")


def test_apprise_says_nothing_of_its_own(capfd: Any) -> None:
    known("mailto://s3cret")
    assert "".join(capfd.readouterr()) == ""
    assert logging.getLogger("apprise").propagate is False


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("login of user hunter2! at mail.example.org failed", "login of user hunter2! at … failed"),
        ("token T0KEN/B0T is wrong", "token …/B0T is wrong"),
        ("a\x1b[31m", "a\\x1b[31m"),
    ],
)
def test_whatever_stands_in_the_address_may_be_a_secret(said: str, shown: str) -> None:
    assert without_secrets(said, "slack://T0KEN/B0T@mail.example.org") == shown
