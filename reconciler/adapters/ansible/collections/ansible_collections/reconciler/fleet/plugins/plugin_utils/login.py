"""Logs in to a host: host keys checked, one key or the agent, nothing of ssh's configuration files.

Who does not even answer holds nobody up: the doing that costs our time, the handshake, begins when a host has spoken.
What goes wrong is said in the words of ssh, so that both carriers' reasons are read by the same rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh
from ansible_collections.reconciler.fleet.plugins.plugin_utils import trust

ASKED = 3
"""How often a host that says nothing is asked for a sign of life before it counts as gone."""
HANDSHAKES = 16
"""How many handshakes go on at once: they are all on one processor, so more would only make each slower."""
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
"""The ones that ssh accepts by default, those first that cost us least."""


class NotReached(Exception):
    """Nothing was sent to the host; says why in the words of ssh."""


@dataclass(frozen=True)
class Where:
    """A host's address, port and user (empty: this process's own)."""

    address: str
    port: int
    user: str


class Logins:
    """Makes connections. `settings` has `private_key_file`, `known_hosts_file`, `connect_timeout` and `dead_after`."""

    def __init__(self, settings: dict[str, Any], places: list[tuple[str, int]]) -> None:
        self._timeout = settings["connect_timeout"]
        self._trusted = trust.Trusted(settings["known_hosts_file"], places)
        self._handshakes = asyncio.Semaphore(HANDSHAKES)
        self._options = _options(settings["private_key_file"], settings["dead_after"])

    @asynccontextmanager
    async def connection(self, where: Where) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """A connection, closed at the end. Raises NotReached."""
        connection = await self._connect(where)
        try:
            yield connection
        except BaseException:
            connection.abort()  # a host that does not listen any more is not waited for
            raise
        connection.close()

    async def _connect(self, where: Where) -> asyncssh.SSHClientConnection:
        until = asyncio.get_running_loop().time() + self._timeout
        sock = await _spoken_to(where, until)
        trusted = self._trusted.of(where.address, where.port)
        try:
            async with self._handshakes:
                return await self._handshake(where, sock, trusted)
        except BaseException:
            sock.close()
            raise

    async def _handshake(self, where: Where, sock: socket.socket, trusted: tuple[Any, ...]) -> Any:
        if not trust.any_key(trusted):
            raise NotReached("Host key verification failed.")
        witness = _Witness()
        try:
            async with asyncio.timeout(self._timeout):
                user = {"username": where.user} if where.user else {}
                return await asyncssh.connect(
                    where.address,
                    where.port,
                    sock=sock,
                    options=self._options,
                    config=None,
                    known_hosts=trusted,
                    client_factory=lambda: witness,
                    **user,
                )
        except TimeoutError:
            raise NotReached("Connection timed out during banner exchange") from None
        except (OSError, ValueError, asyncssh.Error) as error:
            raise NotReached(_in_words_of_ssh(error, where, witness)) from error


class _Witness(asyncssh.SSHClient):
    """Sees the connection also when logging in fails: it knows what the server would have accepted."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._methods: list[str] = []

    def connection_made(self, conn: Any) -> None:
        self._connection = conn

    def auth_methods(self) -> str:
        with contextlib.suppress(AttributeError):
            self._methods = self._connection.get_server_auth_methods()
        return ",".join(self._methods) or "publickey"


def _options(private_key_file: str, dead_after: int) -> asyncssh.SSHClientConnectionOptions:
    """What is the same for all hosts. Raises OSError or asyncssh.Error for a key that can't be used here."""
    keys: dict[str, Any] = {}
    if private_key_file:
        keys = {"client_keys": [asyncssh.read_private_key(private_key_file)], "agent_path": None}
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        preferred_auth="publickey",
        encryption_algs=CIPHERS,
        compression_algs=None,
        gss_kex=False,
        gss_auth=False,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        agent_forwarding=False,
        keepalive_interval=dead_after / ASKED,
        keepalive_count_max=ASKED,
        **keys,
    )


async def _spoken_to(where: Where, until: float) -> socket.socket:
    """A connected socket on which the host has begun to speak."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(until):
            found = _numeric(where) or await loop.getaddrinfo(where.address, where.port, type=socket.SOCK_STREAM)
            sock = await _first_that_connects([(kind, place) for kind, _, _, _, place in found])
    except socket.gaierror as error:
        raise NotReached(f"ssh: Could not resolve hostname {where.address}: {error.strerror}") from error
    except TimeoutError:
        raise NotReached(_connecting(where, "Connection timed out")) from None
    except OSError as error:
        raise NotReached(_connecting(where, os.strerror(error.errno or errno.EIO))) from error
    try:
        async with asyncio.timeout_at(until):
            await _readable(sock)
    except TimeoutError:
        sock.close()
        raise NotReached("Connection timed out during banner exchange") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _numeric(where: Where) -> list[Any]:
    """The place of an address that is no name: without asking anybody, in a thread at that."""
    try:
        return socket.getaddrinfo(where.address, where.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []


def _connecting(where: Where, why: str) -> str:
    return f"ssh: connect to host {where.address} port {where.port}: {why}"


async def _first_that_connects(places: list[tuple[int, Any]]) -> socket.socket:
    failure: OSError = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for kind, place in places:
        sock = socket.socket(kind, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, place)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    spoken = loop.create_future()
    loop.add_reader(sock, lambda: spoken.done() or spoken.set_result(None))
    try:
        await spoken
    finally:
        loop.remove_reader(sock)


def _in_words_of_ssh(error: Exception, where: Where, witness: _Witness) -> str:
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return "REMOTE HOST IDENTIFICATION HAS CHANGED"
        case asyncssh.PermissionDenied():
            return f"Permission denied ({witness.auth_methods()})."
        case asyncssh.KeyExchangeFailed() if "host key" in error.reason:
            return "Host key verification failed."
        case asyncssh.ConnectionLost() | ConnectionError():
            return f"Connection closed by {where.address} port {where.port}"
    return f"ssh: {getattr(error, 'reason', '') or error}"
