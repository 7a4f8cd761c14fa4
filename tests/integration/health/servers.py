"""Servers on loopback that answer whatever a test says, byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Answer = Callable[[socket.socket, bytes], None]


@dataclass
class Server:
    """`requests` are the first bytes of each connection."""

    port: int
    requests: list[bytes] = field(default_factory=list)


def saying(data: bytes) -> Answer:
    return lambda connection, request: connection.sendall(data)


@contextmanager
def server(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answers one connection after the other, each by `answer`, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Server(listening.getsockname()[1])
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listening, made, answer, tls, over))
        thread.start()
        try:
            yield made
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(
    listening: socket.socket, made: Server, answer: Answer, tls: ssl.SSLContext | None, over: threading.Event
) -> None:
    while not over.is_set():
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            try:
                secured = tls.wrap_socket(connection, server_side=True) if tls else connection
                with secured:
                    made.requests.append(secured.recv(65536))
                    answer(secured, made.requests[-1])
            except OSError:
                pass  # the one who asked has gone
