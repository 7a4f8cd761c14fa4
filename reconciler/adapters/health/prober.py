"""Makes health checks over the network: many at once, each within its time, only to addresses where they may go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from reconciler.adapters.health import prometheus
from reconciler.adapters.outward.address import Allowed
from reconciler.adapters.outward.connection import Trust, connected, meaning
from reconciler.adapters.outward.request import Target, Unanswered, answer, get
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
        self._trust = Trust(ca_file)

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
        except (Unanswered, OSError) as error:
            wrong = meaning(error)
        return f"{name}: {wrong}" if wrong else ""

    async def _checked(self, check: Outside) -> str:
        match check:
            case TcpCheck(port=port, host=host):
                async with connected(Target(False, host, int(port), ""), self._allowed, self._trust):
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
        async with connected(target, allowed, self._trust) as streams:
            return await answer(*streams, get(target), body=body)


def _name(check: Outside) -> str:
    match check:
        case HttpCheck(url=url):
            return f"GET {url}"
        case TcpCheck(port=port, host=host):
            return f"tcp {host}:{port}"
        case PrometheusCheck(query=query):
            return f"prometheus {query}"
