"""A way to a machine's sshd that can go dead: connections stay open, and nothing gets through any more.

What a firewall in between does that has forgotten a connection, or a cable that somebody has pulled out: no end, no
reset, no answer. Neither side is told. Needs no firewall rules. Must not know what goes through it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """`with Relay(address, port) as relay:` forwards what comes to `relay.port` of the same address."""

    def __init__(self, address: str, port: int) -> None:
        self._to = (address, port)
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._through = threading.Event()
        self._through.set()
        self._over = False
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._through.set()
        for each in (self._listener, *self._open):
            _end(each)

    def hang(self) -> None:
        """From now on nothing gets through; who connects gets no answer."""
        self._through.clear()

    def go_on(self) -> None:
        """New connections work. Those that went dead stay dead."""
        self._open.clear()
        self._through.set()

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._through.wait()
                target.sendall(data)
        except OSError:
            pass
        self._through.wait()
        _end(target)


def _end(each: socket.socket) -> None:
    """Also wakes whoever waits for it."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
