"""One command's input and output: when the request leaves, who gets the password, how much is listened to."""

from __future__ import annotations

import asyncio
import importlib

import pytest

PROMPT = "[sudo 1234] password: "


class Channel:
    """Remembers what was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def write_eof(self) -> None:
        self.written.append(b"<eof>")

    def abort(self) -> None:
        self.aborted = True


class Listener:
    """Remembers what had been written when sending began, and what was told."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.before: list[list[bytes]] = []
        self.heard: list[str] = []

    def sending(self) -> None:
        self.before.append(list(self.channel.written))

    def told(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def exchange(plugins):
    return importlib.import_module(f"{plugins}.exchange")


def _visit(exchange, password, errors: list[str], sudo: bool = True):
    """A visit that hears these on its standard error, and its channel."""

    async def visited():
        channel = Channel()
        asked = exchange.Sudo(password, PROMPT) if sudo else None
        visit = exchange.Visit([b"re", b"quest"], asked, Listener(channel), exchange.Room())
        visit.connection_made(channel)
        visit.session_started()
        for text in errors:
            visit.data_received(text.encode(), 1)
        before = visit._listener.before
        assert len(before) == visit.said.sent
        assert not any(b"request" in part for parts in before for part in parts)
        return visit, channel

    return asyncio.run(visited())


@pytest.mark.parametrize(
    ("password", "errors", "written", "trouble"),
    [
        (None, [], [b"request", b"<eof>"], ""),
        ("pw", [], [], ""),
        ("pw", ["RECONCILER-READY\n"], [b"request", b"<eof>"], ""),
        ("pw", ["lecture\n" + PROMPT[:9], PROMPT[9:]], [b"pw\n"], ""),
        ("pw", [PROMPT, "RECONCILER-READY\n", PROMPT], [b"pw\n", b"request", b"<eof>"], ""),
        ("pw", [PROMPT, "Sorry, try again.\n", PROMPT], [b"pw\n"], "Incorrect sudo password"),
    ],
)
def test_the_request_leaves_when_sudo_has_what_it_wants(exchange, password, errors, written, trouble):
    visit, channel = _visit(exchange, password, errors)
    assert channel.written == written
    assert (visit.said.trouble, channel.aborted) == (trouble, bool(trouble))


def test_a_host_without_sudo_never_gets_the_password(exchange):
    _, channel = _visit(exchange, "pw", [PROMPT], sudo=False)
    assert channel.written == [b"request", b"<eof>"]


def test_the_password_is_in_no_command(exchange):
    assert "pw" not in exchange.Sudo("pw", PROMPT).command("/usr/bin/python3")
    assert "sudo -H -S -n " in exchange.Sudo(None, PROMPT).command("/usr/bin/python3")


@pytest.mark.parametrize(
    ("errors", "heard", "left"),
    [
        (["RECONCILER-TOLD [1]\n"], ["[1]"], b""),
        (["a\nRECONCILER-TO", "LD [1]", "\nRECONCILER-TOLD [2]\nb"], ["[1]", "[2]"], b"a\nb"),
        (["x RECONCILER-TOLD [1]\n"], [], b"x RECONCILER-TOLD [1]\n"),
        (["RECONCILER-TOLD [1]"], [], b"RECONCILER-TOLD [1]"),
        (["RECONCILER-TOLD " + "x" * 40000 + "\n", "RECONCILER-TOLD [1]\n"], ["[1]"], b""),
        (["RECONCILER-TOLD " + "x" * 30000 + "\n"] * 2, ["x" * 30000], b""),
    ],
)
def test_what_a_host_tells_is_passed_on_at_once(exchange, errors, heard, left):
    visit, _ = _visit(exchange, None, errors)
    assert visit._listener.heard == heard
    assert bytes(visit.said.err) == left


def test_no_more_is_kept_than_can_be_a_reply(exchange, plugins):
    largest = importlib.import_module(f"{plugins}.reply").LARGEST
    visit, channel = _visit(exchange, None, ["x" * 100_000, "end"])
    assert len(visit.said.err) == exchange.ERRORS
    assert visit.said.err.endswith(b"end")
    visit.data_received(b"x" * largest, None)
    assert not channel.aborted
    visit.data_received(b"x", None)
    assert channel.aborted
    assert visit.said.trouble == "the host sent more than can be a reply"


def test_hosts_that_all_say_much_are_cut_to_what_is_fair(exchange):
    async def visited():
        room, visits = exchange.Room(), []
        for _ in range(exchange.TOGETHER // (8 * exchange.FAIR) + 1):
            visits.append(exchange.Visit([], None, Listener(Channel()), room))
            visits[-1].connection_made(Channel())
            visits[-1].data_received(bytes(8 * exchange.FAIR), None)
        modest = exchange.Visit([], None, Listener(Channel()), room)
        modest.connection_made(Channel())
        modest.data_received(b"modest", None)
        assert [bool(visit.said.trouble) for visit in (*visits, modest)] == [False] * (len(visits) - 1) + [True, False]
        assert room.taken <= exchange.TOGETHER + len(b"modest")
        assert room.taken == sum(len(visit.said.out) for visit in (*visits, modest))
        for visit in (*visits, modest):
            visit.connection_lost(None)
        assert room.taken == 0

    asyncio.run(visited())


def test_what_modules_share_is_pythons_and_ansibles_own(plugins):
    imports = importlib.import_module(f"{plugins}.imports")
    source = (
        b"from __future__ import annotations\nimport os, apt\nimport json.decoder\nfrom grp import getgrnam\n"
        b"from ansible.module_utils.basic import AnsibleModule\nfrom ansible.module_utils.common import sentinel\n"
        b"from ansible_collections.acme.things.plugins.module_utils import words\nfrom . import x\n"
        b"try:\n    import zlib\nexcept ImportError:\n    pass\n"
    )
    contents = {"ansible/modules/m.py": source, "ansible/module_utils/basic.py": b""}
    contents |= {"ansible/module_utils/common/__init__.py": b"", "ansible/module_utils/common/sentinel.py": b""}
    found = imports.shared(contents, {"fqn": "ansible.modules.m", "profile": "legacy"})
    assert [name for name in found if "_internal" not in name] == [
        "ansible.module_utils.basic",
        "ansible.module_utils.common",
        "ansible.module_utils.common.sentinel",
        "grp",
        "json.decoder",
        "os",
    ]
    assert len(found) == 9
    broken = imports.shared({"ansible/modules/m.py": b"import ("}, {"fqn": "ansible.modules.m", "profile": "legacy"})
    assert len(broken) == 3
