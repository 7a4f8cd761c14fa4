"""The `DocumentCache` port on one file: a line that names the version, then pages, each with its length and digest.

Pages are only ever added at the end, under a lock, or the whole file is exchanged for another; so a reader needs the
lock just to learn where the end is. What doesn't fit its digest is cut off, with all that follows. Must not know what
is in a page.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_DIGEST = 16
_LENGTH = 4
_HEAD = _LENGTH + _DIGEST
_LONGEST = 64 << 20


class FileCache:
    """Pages in a file that need not be there yet. `version` names everything that their meaning depends on."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self._first = f"reconciler pages {version}\n".encode()

    def pages(self) -> Iterator[bytes]:
        with suppress(OSError), self._path.open("rb") as file:
            with _locked(file, fcntl.LOCK_SH):
                end = os.fstat(file.fileno()).st_size
            if file.readline(len(self._first)) != self._first:
                return
            while file.tell() < end:
                good = file.tell()
                page = _page(file)
                if page is None:
                    self._cut(file, good)
                    return
                yield page

    def add(self, pages: Sequence[bytes]) -> None:
        with suppress(OSError):
            if not self._appended(pages):
                self.replace(pages)

    def replace(self, pages: Sequence[bytes]) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=self._path.name, delete=False) as file:
                try:
                    file.write(self._first)
                    file.writelines(_framed(page) for page in pages)
                    file.close()
                    Path(file.name).replace(self._path)
                except OSError:
                    Path(file.name).unlink(missing_ok=True)

    def _appended(self, pages: Sequence[bytes]) -> bool:
        """Whether there was a file of this version to add to."""
        try:
            file = self._path.open("r+b")
        except FileNotFoundError:
            return False
        with file, _locked(file, fcntl.LOCK_EX):
            if file.readline(len(self._first)) != self._first:
                return False
            file.seek(0, os.SEEK_END)
            file.write(b"".join(map(_framed, pages)))
        return True

    def _cut(self, damaged: BinaryIO, good: int) -> None:
        """Takes off what is damaged, so that what is added later can be read; unless somebody else has done so."""
        with self._path.open("r+b") as file, _locked(file, fcntl.LOCK_EX):
            file.seek(good)
            if os.path.sameopenfile(file.fileno(), damaged.fileno()) and _page(file) is None:
                file.truncate(good)


@contextmanager
def _locked(file: BinaryIO, how: int) -> Iterator[None]:
    fcntl.flock(file, how)
    try:
        yield
    finally:
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)


def _framed(page: bytes) -> bytes:
    return len(page).to_bytes(_LENGTH, "big") + _digest(page) + page


def _page(file: BinaryIO) -> bytes | None:
    """The page that begins here, None when there is no whole one."""
    head = file.read(_HEAD)
    length = int.from_bytes(head[:_LENGTH], "big")
    if len(head) < _HEAD or length > _LONGEST:
        return None
    page = file.read(length)
    return page if len(page) == length and _digest(page) == head[_LENGTH:] else None


def _digest(page: bytes) -> bytes:
    return hashlib.blake2b(page, digest_size=_DIGEST).digest()
