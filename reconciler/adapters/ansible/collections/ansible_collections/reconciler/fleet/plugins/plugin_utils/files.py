"""Small things of the file system and of processes. Must not know requests or replies."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

PR_SET_PDEATHSIG = 1
TAIL = 4000


def write(path: Path, data: bytes) -> None:
    """All of it or nothing, readable by this user only."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    fresh.replace(path)


def private(path: Path) -> Path:
    """A directory for this user alone, created if need be. Raises PermissionError when others can write to it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = path.lstat()
    if path.is_symlink() or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise PermissionError(f"{path}: others can write to it, so it is not safe to use")
    return path


def tail(text: str) -> str:
    return text.strip()[-TAIL:]


def die_with_parent(number: int) -> None:
    """Have the kernel signal this process when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
