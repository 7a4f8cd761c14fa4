"""Many hosts at once, each in a task of its own: so many at a time, none for longer than its limit, until told to stop.

Every host ends as a record in the run's directory, and its name in the journal that the carrier reads; what hosts
tell before they end is in `news`, a line each time. Knows neither ssh nor requests: a visit is a function.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ansible_collections.reconciler.fleet.plugins.plugin_utils import files

Record = dict[str, Any]
Visit = Callable[[str], Awaitable[Record]]
SKIPPED: Record = {"kind": "skipped"}


class Journal:
    """Records of hosts, in files that appear whole; their names in `done`, one line each, in the order of ending."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._done = os.open(directory / "done", flags, 0o600)
        self._news = os.open(directory / "news", flags, 0o600)

    def end(self, host: str, record: Record) -> None:
        files.write(self._directory / "results" / host, json.dumps(record).encode())
        os.write(self._done, f"{host}\n".encode())

    def stopping(self) -> bool:
        return (self._directory / "stop").exists()

    def sending(self, host: str) -> None:
        """From here on the host may have got its request."""
        (self._directory / "sent" / host).touch()

    def sent(self, host: str) -> bool:
        return (self._directory / "sent" / host).exists()

    def tell(self, host: str, text: str) -> None:
        """A host told something, a line of text, before its reply."""
        os.write(self._news, f"{host} {text}\n".encode())


async def visit_all(hosts: list[str], visit: Visit, journal: Journal, limits: tuple[int, float]) -> None:
    """`limits` are how many at a time, and seconds for each."""
    width, seconds = limits
    places = asyncio.Semaphore(width)

    async def one(host: str) -> None:
        async with places:
            record = SKIPPED if journal.stopping() else await _bounded(visit(host), seconds)
            if record["kind"] == "broken":
                record["sent"] = journal.sent(host)
            journal.end(host, record)

    await asyncio.gather(*(one(host) for host in hosts))


async def _bounded(visiting: Awaitable[Record], seconds: float) -> Record:
    try:
        async with asyncio.timeout(seconds):
            return await visiting
    except TimeoutError:
        return _broken(f"no reply within {int(seconds)} seconds")
    except Exception as error:  # noqa: BLE001 - one host must not take the others with it
        return _broken(f"{type(error).__name__}: {error}")


def _broken(why: str) -> Record:
    return {"kind": "broken", "rc": 0, "error": why, "begun": False}
