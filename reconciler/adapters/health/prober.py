"""Makes health checks over the network: many at once, each within its time, only to addresses where they may go.

A name is resolved first and every address of it looked at; then the connection goes to the very address that was
looked at, so that no second answer of a name server counts.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from reconciler.adapters.health import prometheus
from reconciler.adapters.health.address import Allowed
from reconciler.adapters.health.request import Target, Unanswered, get
from reconciler.model.rollout import HttpCheck, Outside, PrometheusCheck, TcpCheck

NOTICED = 0.2
"""Seconds until it is noticed that nothing more is wanted."""
ANYWHERE = Allowed(loopback=True, link_local=True, metadata=True)
"""For the server that the operator named."""


class NetworkProber:
    """A `Prober` (see ports)."""

    def __init__(self, allowed: Allowed, width: int, prometheus_url: str, ca_file: Path | None) -> None:
        self._allowed = allowed
        self._width = width
        self._prometheus_url = prometheus_url
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    def probe(self, checks: Sequence[Outside], stopping: Callable[[], bool]) -> Iterator[tuple[Outside, str]]:
        """See `ports.Prober`."""
        yield from asyncio.run(self._all(checks, stopping)).items()

    async def _all(self, checks: Sequence[Outside], stopping: Callable[[], bool]) -> dict[Outside, str]:
        gate = asyncio.Semaphore(self._width)

        async def one(check: Outside) -> tuple[Outside, str]:
            async with gate:
                return check, await self._made(check)

        pending = {asyncio.ensure_future(one(check)) for check in checks}
        found: dict[Outside, str] = {}
        while pending and not stopping():
            done, pending = await asyncio.wait(pending, timeout=NOTICED, return_when=asyncio.FIRST_COMPLETED)
            found.update(task.result() for task in done)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return found

    async def _made(self, check: Outside) -> str:
        name = _name(check)
        try:
            async with asyncio.timeout(check.timeout):
                wrong = await self._checked(check)
        except TimeoutError:
            wrong = f"no answer within {check.timeout:g} s"
        except Unanswered as error:
            wrong = str(error)
        except ssl.SSLCertVerificationError as error:
            wrong = f"its certificate is not trusted: {error.verify_message}"
        except (OSError, ssl.SSLError) as error:
            wrong = _of_connection(error)
        return f"{name}: {wrong}" if wrong else ""

    async def _checked(self, check: Outside) -> str:
        match check:
            case TcpCheck(port=port, host=host):
                await self._connected(Target(False, host, int(port), ""), self._allowed, None)
                return ""
            case HttpCheck(url=url, expect=expect):
                status, _ = await self._got(url, self._allowed, body=False)
                return "" if status == expect else f"{status}, expected {expect}"
            case PrometheusCheck(url=url):
                server, allowed = (url, self._allowed) if url else (self._prometheus_url, ANYWHERE)
                if not server:
                    return "no server is named; set health.prometheus_url"
                status, body = await self._got(prometheus.address(server, check), allowed, body=True)
                return prometheus.objection(status, body, check)

    async def _got(self, url: str, allowed: Allowed, *, body: bool) -> tuple[int, bytes]:
        target = Target.of(url)
        return await self._connected(target, allowed, body)

    async def _connected(self, target: Target, allowed: Allowed, body: bool | None) -> tuple[int, bytes]:
        """Connects, and asks unless `body` is None."""
        address = await _resolved(target, allowed)
        tls, name = (self._context(), target.host) if target.tls else (None, None)
        reader, writer = await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
        try:
            return (0, b"") if body is None else await get(reader, writer, target, body=body)
        finally:
            writer.transport.abort()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self._ca_file is not None:
                self._tls.load_verify_locations(self._ca_file)
        return self._tls


async def _resolved(target: Target, allowed: Allowed) -> str:
    """The address to connect to. Raises Unanswered when the name has one that checks may not go to."""
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


def _name(check: Outside) -> str:
    match check:
        case HttpCheck(url=url):
            return f"GET {url}"
        case TcpCheck(port=port, host=host):
            return f"tcp {host}:{port}"
        case PrometheusCheck(query=query):
            return f"prometheus {query}"


def _of_connection(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return (error.strerror or str(error) or type(error).__name__).lower()
