"""A connection to a server by its name: the name is resolved, every address of it looked at, and the connection goes to
the very address that was looked at, so that no second answer of a name server counts. No proxies, no redirects.

Must not know what is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from reconciler.adapters.outward.address import Allowed
from reconciler.adapters.outward.request import Target, Unanswered


class Trust:
    """Which certificates are trusted: the system's, and those of a file. Read when they are first needed."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
            if self._ca_file is not None:
                self._context.load_verify_locations(self._ca_file)
        return self._context


@asynccontextmanager
async def connected(
    target: Target, allowed: Allowed, trust: Trust
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connects for as long as the block. Raises Unanswered where it may not go, OSError."""
    address = await _resolved(target, allowed)
    tls, name = (trust.context(), target.host) if target.tls else (None, None)
    reader, writer = await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _resolved(target: Target, allowed: Allowed) -> str:
    """The address to connect to. Raises Unanswered when the name has one that must not be asked."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Unanswered(f"the name {target.host!r:.80} is not known ({error})") from None
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        if objection := allowed.objection(address):
            raise Unanswered(objection)
    # IPv4 first: a host with an IPv6 address that is not routed is more common than the other way round.
    return min(addresses, key=lambda text: ipaddress.ip_address(text.partition("%")[0]).version)


def meaning(error: Unanswered | OSError) -> str:
    """What went wrong, in words."""
    match error:
        case Unanswered():
            return str(error)
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case _:
            return (error.strerror or str(error) or type(error).__name__).lower()
