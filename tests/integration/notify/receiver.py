"""Somebody who gets our webhooks: a real HTTP server that believes nothing but the signature.

It checks that by itself (HMAC from the standard library, as docs/notifications.md shows it), not with our code.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = b"a secret of both"


@dataclass
class Receiver:
    """`answers` are the statuses of the next deliveries (200 when there is none left); `hold` is called before one is
    answered. `events` are those that were accepted, `ids` all that came with a good signature."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    hold: Callable[[], None] = lambda: None
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    forged: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=web"

    def deliver(self, headers: dict[str, str], body: bytes) -> int:
        stamp, name = headers["x-reconciler-timestamp"], headers["x-reconciler-delivery"]
        real = "sha256=" + hmac.new(SECRET, f"{stamp}.{name}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(real, headers["x-reconciler-signature"]):
            self.forged += 1
            return 403
        self.headers = headers
        self.ids.append(name)
        self.hold()
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            event = json.loads(body)
            assert event["id"] == name
            self.events.append(event)
        return status


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Serves on loopback until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.deliver({key.lower(): value for key, value in self.headers.items()}, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
