"""One command over a connection: the request on its input, what the host says on its output, and sudo in between.

Keeps at most as much of what a host sends as can be a reply. Must not know what is in a request or a reply.
"""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncssh
from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils import reply, request

ERRORS = 64 * 1024
TOLD = loader.TOLD.encode() + b" "
TOGETHER = 256 * 1024 * 1024
"""What may be kept of all hosts' output at once; then those with the most to say are cut off."""
FAIR = 1024 * 1024
"""What every host may say in any case."""
TOO_MUCH = "the host sent more than can be a reply"
DENIED = "Incorrect sudo password"
NO_SUDO = "Timed out waiting for become success"


@dataclass
class Said:
    """What a host said. `sent` whether it may have got the request; `trouble` is what went wrong on the way."""

    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    status: int = 255
    sent: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Sudo:
    """How to become root: the password (None: without one), and the prompt that asks for it."""

    password: str | None
    prompt: str

    def command(self, python: str) -> str:
        if self.password is None:
            return f"sudo -H -S -n -u root /bin/sh -c {shlex.quote(f'exec {request.command(python)}')}"
        inner = f"exec {request.command(python, request.ANNOUNCED)}"
        return f"sudo -H -S -p {shlex.quote(self.prompt)} -u root /bin/sh -c {shlex.quote(inner)}"


@dataclass
class Room:
    """How much is kept of what all hosts have said."""

    taken: int = 0


class Listener(Protocol):
    """Hears of a visit while it goes on."""

    def sending(self) -> None:
        """The first byte is about to leave."""

    def told(self, text: str) -> None:
        """The host told something before its reply."""


class Visit(asyncssh.SSHClientSession[bytes]):
    """A command's input and output."""

    def __init__(self, parts: list[bytes], sudo: Sudo | None, listener: Listener, room: Room) -> None:
        self.said = Said()
        self._listener = listener
        self._told = 0
        self._room = room
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sending = asyncio.Event()
        self._parts = parts
        self._sudo = sudo if sudo and sudo.password is not None else None
        self._asked = 0
        self._channel: Any = None

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def session_started(self) -> None:
        if self._sudo is None:
            self._send()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            self._listen(data)
            return
        self.said.err = (self.said.err + data)[-ERRORS:]
        if self._sudo and not self.said.sent:
            self._in_front_of_sudo(self._sudo)
        if TOLD in self.said.err:
            self._pass_on()

    def _pass_on(self) -> None:
        """Tell what the host told, once, and leave the rest of what it said."""
        whole, end, rest = self.said.err.rpartition(b"\n")
        kept = bytearray()
        for line in (whole + end).splitlines(keepends=True):
            if line.startswith(TOLD) and self._told + len(line) <= reply.TOLD:
                self._told += len(line)
                self._listener.told(line[len(TOLD) :].decode(errors="replace").strip())
            elif not line.startswith(TOLD):
                kept += line
        self.said.err = kept + rest

    def _listen(self, data: bytes) -> None:
        self.said.out += data
        self._room.taken += len(data)
        largest = reply.LARGEST if self._room.taken <= TOGETHER else FAIR
        if len(self.said.out) > largest:
            self._room.taken -= len(self.said.out)
            self.said.out.clear()
            self.give_up(TOO_MUCH)

    def exit_status_received(self, status: int) -> None:
        self.said.status = status

    def connection_lost(self, exc: Exception | None) -> None:
        self._room.taken -= len(self.said.out)
        if exc and not self.said.trouble:
            self.said.trouble = _trouble(exc)
        if not self.ended.done():
            self.ended.set_result(None)

    def give_up(self, why: str) -> None:
        self.said.trouble = self.said.trouble or why
        self._channel.abort()

    def _in_front_of_sudo(self, sudo: Sudo) -> None:
        """Answer the prompt once; send when our own program says that it is reading."""
        if request.READY.encode() in self.said.err:
            self._send()
            return
        prompts = self.said.err.count(sudo.prompt.encode())
        if prompts > self._asked:
            self._asked = prompts
            if prompts > 1:
                self.give_up(DENIED)
            else:
                self._channel.write(f"{sudo.password}\n".encode())

    def _send(self) -> None:
        self._listener.sending()
        self.said.sent = True
        self.sending.set()
        self._channel.write(b"".join(self._parts))  # small ones would each be a packet
        self._channel.write_eof()


def _trouble(error: Exception) -> str:
    if "keepalive" in str(error):
        return "Timeout, server host not responding."
    return "Connection to host closed by remote host."


async def run(connection: asyncssh.SSHClientConnection, command: str, visit: Visit, patience: float) -> Said:
    """Run a command to its end. `patience` is in seconds, for sudo."""
    try:
        await connection.create_session(lambda: visit, command, encoding=None, env=None, send_env=None)
    except (OSError, asyncssh.Error) as error:
        visit.said.trouble = _trouble(error) if visit.said.sent else f"ssh: {error}"
        return visit.said
    if not visit.said.sent:
        await _wait_for_sudo(visit, patience)
    await visit.ended
    return visit.said


async def _wait_for_sudo(visit: Visit, patience: float) -> None:
    sending = asyncio.ensure_future(visit.sending.wait())
    done, _ = await asyncio.wait([sending, visit.ended], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    sending.cancel()
    if not done:
        visit.give_up(NO_SUDO)
