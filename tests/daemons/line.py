"""A line to the database that can be cut: a socket that hands on what comes, until it refuses, or just says nothing."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

NAME = ".s.PGSQL.5432"
State = Literal["open", "refusing", "silent"]


@dataclass
class Line:
    """From a socket in `folder` to the real one in `server`. `refusing` ends connections and takes none; `silent` hands
    on nothing, and forgets nothing."""

    folder: Path
    server: Path
    state: State = "open"
    _ends: list[socket.socket] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _over: bool = False

    def set(self, state: State) -> None:
        """From now on."""
        with self._changed:
            self.state = state
            if state == "refusing":
                self._hang_up()
            self._changed.notify_all()

    def serve(self, listening: socket.socket) -> None:
        """Hands on until the end."""
        while True:
            with suppress(OSError):
                near, _ = listening.accept()
                if self._over:
                    near.close()
                    return
                if self.state == "refusing":
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self.server / NAME))
                self._ends += [near, far]
                threading.Thread(target=self._hand_on, args=(near, far), daemon=True).start()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._hang_up()
            self._changed.notify_all()
        with suppress(OSError), socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self.folder / NAME))

    def _hang_up(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def _hand_on(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, selectors.DefaultSelector() as both, suppress(OSError):
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in both.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(1 << 16)
                    with self._changed:
                        self._changed.wait_for(lambda: self.state != "silent" or self._over)
                    if not data:
                        return
                    target.sendall(data)


@contextmanager
def line(folder: Path, server: Path) -> Iterator[Line]:
    """A line until the end of the block; the socket is in the folder."""
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / NAME))
        listening.listen(64)
        made = Line(folder, server)
        thread = threading.Thread(target=made.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.end()
            thread.join()
