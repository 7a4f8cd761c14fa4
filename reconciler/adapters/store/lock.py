"""A lock that one process holds, beside an SQLite store: a file that says who has it. The kernel frees it with the
process, so a holder that died is noticed at once.

It keeps two people from applying at once; what keeps an old worker from a host is the epoch that hosts check.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson

from reconciler.model.errors import Stalled, Taken


@contextmanager
def exclusive(path: Path, purpose: str) -> Iterator[None]:
    """Holds the lock file. Raises Taken at once, saying who holds it, when it is taken."""
    handle = _open(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(handle, path) from None
        except OSError as error:
            raise Stalled(
                f"{path} can't be locked: {error.strerror}", "put the store on a file system that has locks"
            ) from None
        _write(handle, _holder(purpose))
        yield
        # Emptied, never deleted: somebody may have the file open and be about to lock it.
        _write(handle, b"")
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Stalled(
            f"the lock file {path} can't be opened: {error.strerror}", "let this user write the store's directory"
        ) from None


def _holder(purpose: str) -> bytes:
    # The time is only for people who read the refusal.
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return orjson.dumps({"purpose": purpose, "pid": os.getpid(), "host": socket.gethostname(), "since": since})


def _write(handle: int, data: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)


def _taken(handle: int, path: Path) -> Taken:
    try:
        held = orjson.loads(os.pread(handle, 4096, 0))
        who = f"another {held['purpose']} is running (pid {held['pid']} since {held['since']} on {held['host']})"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # Between taking the lock and writing into it, the holder is not known yet.
        who = "another process is working with this store"
    return Taken(who, f"wait until it ends, or end it; it holds {path}")
