"""An HTTP server on loopback that a forge's routes are put behind: it counts requests, and makes trouble when told."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "tok-canary-9f31c0"
"""What the server lets in."""


@dataclass(frozen=True)
class Call:
    """A request. `document` is its JSON; `path` has escapes in it, as sent."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    document: Any
    base: str

    def match(self, pattern: str) -> list[str] | None:
        """The parts of the path that the pattern's groups stand for, without escapes."""
        found = re.fullmatch(pattern, self.path)
        return None if found is None else [unquote(part) for part in found.groups()]


@dataclass(frozen=True)
class Response:
    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass
class Trouble:
    """An answer instead of the right one, for the next requests that fit. `done`: what was asked is done all the same.

    `response` None: the connection is cut.
    """

    response: Response | None
    method: str = ".*"
    path: str = ".*"
    times: int = 1
    done: bool = False

    def takes(self, call: Call) -> bool:
        """Whether it is for this request; counts it."""
        if self.times < 1 or not re.fullmatch(self.method, call.method) or not re.search(self.path, call.path):
            return False
        self.times -= 1
        return True


class Routes(Protocol):
    def answer(self, call: Call) -> Response: ...


@dataclass
class Server:
    """`calls` are all requests, oldest first. `broken` are mistakes of either side that the routes found."""

    routes: Routes
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def counted(self) -> list[str]:
        """The methods of all requests."""
        return [call.method for call in self.calls]

    def answer(self, call: Call) -> Response | None:
        self.calls.append(call)
        trouble = next((each for each in self.trouble if each.takes(call)), None)
        if trouble is None or trouble.done:
            response = self._checked(call)
        return response if trouble is None else trouble.response

    def _checked(self, call: Call) -> Response:
        try:
            return self.routes.answer(call)
        except AssertionError as error:
            self.broken.append(f"{call.method} {call.path}: {error}")
            return Response(500, {"message": f"the test's server: {error}"})


@contextmanager
def serving(make: Callable[[], Routes], context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Routes on a port of their own, with TLS where a context is given.

    At the end nothing may have been against the forge's description.
    """
    server = Server(make())
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    if context is not None:
        http.socket = context.wrap_socket(http.socket, server_side=True)
    server.url = f"{'https' if context else 'http'}://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
    assert server.broken == []


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in one piece: two small ones wait for each other.
        wbufsize = 1 << 16
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = Call(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(sent) if sent else None,
                server.url,
            )
            response = server.answer(call)
            if response is None:
                self.close_connection = True
                return
            body = response.raw
            if body is None:
                body = b"" if response.status == 204 else json.dumps(response.document).encode()
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.status != 204:
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # who asked has gone
                super().handle()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            """A test's output is no place for it."""

    return Handler


def page(call: Call, entries: list[Any], largest: int = 100) -> tuple[list[Any], dict[str, str]]:
    """A page of a list, and the header with where the next is."""
    size = min(int(call.query.get("per_page", "30")), largest)
    number = int(call.query.get("page", "1"))
    rest = "&".join(f"{name}={value}" for name, value in call.query.items() if name != "page")
    link = f"{call.base}{call.path}?{rest}&page={{}}"
    links = [f'<{link.format(1)}>; rel="first"']
    if number * size < len(entries):
        links.insert(0, f'<{link.format(number + 1)}>; rel="next"')
    return entries[(number - 1) * size : number * size], {"Link": ", ".join(links)}
