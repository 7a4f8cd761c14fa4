"""Reading files of the host safely: under its root, regular files only, up to a limit. Knows no probe."""

import os
import stat


def place(root, path, follow=False):
    """Where an absolute path of the host is on this machine.

    With a root, raises ValueError when symbolic links lead out of it; `follow` if the last name is followed too.
    """
    if not root:
        return path
    there = root.rstrip("/") + path
    top = os.path.realpath(root)
    real = os.path.realpath(there if follow else os.path.dirname(there))
    if path != "/" and real != top and not real.startswith(top.rstrip("/") + "/"):
        raise ValueError("leads out of the host's root")
    return there


def open_regular(path, follow=False):
    """A file descriptor. Never waits (for the writer of a FIFO). Raises ValueError when it isn't a regular file."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("is not a regular file")
    return handle


def read(path, limit):
    """A regular file's bytes, links followed. Raises ValueError when there are more than `limit`."""
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"is larger than {limit >> 10} KiB")
    return data


def unanswered(path, error):
    """The facts when a look at `path` raised. Names the path as the host's, not as this machine's."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return {"error": f"{path}: {reason}"}
