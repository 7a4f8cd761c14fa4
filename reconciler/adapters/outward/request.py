"""One HTTP request over a connection that is there: what is sent, what is read, how much at most.

The response is parsed by the standard library. Redirects are answers like any other: nothing follows them.
Knows HTTP; must not know addresses, TLS or timeouts.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Self
from urllib.parse import urlsplit

from reconciler import __version__

LARGEST = 1 << 20
"""Bytes of a response that are read, headers and all."""


class Unanswered(Exception):
    """There is no good response; says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL. `path` has the query with it."""

    tls: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises Unanswered for what is no URL that can be asked."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise Unanswered(f"{url!r:.80} is not a URL: {error}") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise Unanswered(f"{url!r:.80} is not the URL of a server")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise Unanswered(f"{url!r:.80} has characters that a URL can't have")
        tls = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(tls, host, port or (443 if tls else 80), path)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def get(target: Target) -> bytes:
    """What asks for a page."""
    return _head("GET", target, {"Accept": "*/*"})


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    """What sends something. Raises ValueError for a header that would not stay one line."""
    return _head("POST", target, {**headers, "Content-Length": str(len(body))}) + body


def _head(method: str, target: Target, headers: Mapping[str, str]) -> bytes:
    fields = {
        "Host": target.authority,
        "User-Agent": f"reconciler/{__version__}",
        **headers,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if broken := [name for name, value in fields.items() if not value.isprintable()]:
        raise ValueError(f"the header {broken[0]} is no line")
    lines = [f"{method} {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, *, body: bool
) -> tuple[int, bytes]:
    """Sends a request; the status and (if it is wanted) the body. Raises Unanswered, OSError."""
    writer.write(request)
    await writer.drain()
    return _parsed(await _read(reader, body=body))


async def _read(reader: asyncio.StreamReader, *, body: bool) -> bytes:
    """All up to the end, or without a body up to the end of the headers."""
    data = b""
    while len(data) <= LARGEST:
        part = await reader.read(1 << 16)
        data += part
        if not part or (not body and b"\r\n\r\n" in data):
            return data
    raise Unanswered(f"the answer is larger than {LARGEST >> 20} MiB")


class _Bytes:
    """What the standard library reads a response from instead of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def _parsed(data: bytes) -> tuple[int, bytes]:
    response = HTTPResponse(_Bytes(data), method="GET")  # type: ignore[arg-type] # it reads nothing but makefile's
    try:
        response.begin()
        return response.status, b"" if len(data) == 0 else _body(response)
    except (HTTPException, ValueError) as error:
        raise Unanswered(f"what answers there does not speak HTTP ({type(error).__name__})") from None


def _body(response: HTTPResponse) -> bytes:
    try:
        return response.read(LARGEST)
    except HTTPException:
        return b""
