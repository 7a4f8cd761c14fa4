"""The private directory of one run, on tmpfs: requests go in, results come out, always removed. Knows only files.

Whoever works in one holds a shared lock of it. One that nobody holds was left by a process that was killed, and is
removed by the next that makes one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private directory in it
PREFIX = "reconciler-run-"


class RunDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = {"done": 0, "news": 0}
        for name in ("payloads", "hosts", "results", "sent", "bundles", "home", "env"):
            (path / name).mkdir(mode=0o700)

    def write(self, name: str, content: bytes | str | Any) -> Path:
        """Bytes and text as they are, other values as JSON."""
        path = self.path / name
        data = content if isinstance(content, bytes) else _encoded(content)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
        return path

    def stop(self) -> None:
        """From now on no further host is begun."""
        (self.path / "stop").touch()

    def sent(self, name: str) -> bool:
        """Whether a host's request may have left us."""
        return (self.path / "sent" / name).exists()

    def result(self, name: str) -> bytes | None:
        """A host's record, taken out: it can be read once, and takes up no memory afterwards."""
        path = self.path / "results" / name
        try:
            record = path.read_bytes()
        except FileNotFoundError:
            return None
        path.unlink()
        return record

    def finished(self) -> list[str]:
        """The hosts whose names have been added to the journal since the last time."""
        return self._new_lines("done")

    def news(self) -> list[tuple[str, str]]:
        """What hosts have told since the last time: each host's name, and a text."""
        return [(name, text) for name, _, text in (line.partition(" ") for line in self._new_lines("news"))]

    def _new_lines(self, name: str) -> list[str]:
        """The whole lines of a file that have come since the last time."""
        try:
            with (self.path / name).open("rb") as stream:
                stream.seek(self._read[name])
                whole, end, _ = stream.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._read[name] += len(whole) + len(end)
        return whole.decode(errors="replace").split("\n") if end else []


def _encoded(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else orjson.dumps(content)


@contextmanager
def private_directory() -> Iterator[RunDirectory]:
    """A fresh directory that only this user can enter, gone with all that is in it when the block ends."""
    above = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _sweep(above)
    path, lock = _made(above)
    try:
        yield RunDirectory(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _made(above: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=above))
        with contextlib.suppress(FileNotFoundError):  # swept before we held it
            lock = _open(path)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.exists():
                return path, lock
            os.close(lock)


def _sweep(above: Path) -> None:
    """Removes what killed processes of this user left: payloads may hold secrets."""
    for path in above.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid != os.geteuid():
                continue
            lock = _open(path)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
