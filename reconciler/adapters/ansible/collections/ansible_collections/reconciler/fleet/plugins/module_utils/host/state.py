"""What a host remembers between visits: its lock, who holds it, the epochs that it has seen, a place for files.

Must not know what is done under the lock.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time

from . import lease, loader


class Refused(Exception):
    """Nothing was done, and why."""


class Busy(Refused):
    """Another run is at work on this host."""


def directory(root):
    """Where it is kept: under the root, or root's own directory, or the user's."""
    if root or os.geteuid() == 0:
        return root + "/var/lib/reconciler"
    return os.path.join(os.path.expanduser("~"), ".local", "state", "reconciler")


@contextlib.contextmanager
def opened(root):
    """The state directory, private to this user. What goes wrong in it refuses the request."""
    base = directory(root)
    if root and not os.path.isdir(root):
        raise Refused(f"the host's root {root} is not a directory")
    try:
        loader.private(base)
    except OSError as error:
        raise Refused(_trouble(base, error)) from error
    yield base


def _trouble(base, error):
    return f"cannot use {error.filename or base} on this host: {error.strerror or error}"


@contextlib.contextmanager
def lock(base, exclusive, wait, holder=""):
    """Hold the host: alone for changing it, together with other lookers for looking. `wait` is in seconds.

    A host that is held between the visits of another run than `holder` is held for us too.
    """
    try:
        handle = os.open(os.path.join(base, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(_trouble(base, error)) from error
    until = time.monotonic() + wait
    try:
        while not _taken(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, base, holder):
            if time.monotonic() >= until:
                raise Busy("another reconciler run holds this host")
            time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)


def _taken(handle, kind, base, holder):
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if held_by(base) in ("", holder):
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def held_by(base):
    """Whose lease there is, empty for none."""
    try:
        return lease.holder(base)
    except (OSError, ValueError, TypeError) as error:
        raise Refused(f"{base}/lease.json is damaged ({error}): when no other run is active, remove it") from error


def hold(base, holder, seconds):
    """Hold the host for a run's next visit."""
    try:
        lease.take(base, holder, seconds)
    except OSError as error:
        raise Refused(_trouble(base, error)) from error


def _epochs(base):
    path = os.path.join(base, "epochs.json")
    try:
        with open(path, encoding="utf-8") as stream:
            seen = json.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Refused(f"{path} is damaged ({error}): when no other run is active, remove it") from error
    return seen


def check_epoch(base, store, epoch):
    """Refuse a worker that a newer one has overtaken; else answer the epoch that was seen last."""
    seen = _epochs(base).get(store, 0)
    if epoch < seen:
        raise Refused(f"epoch {epoch} is older than {seen}, which this host has seen: a newer worker took over")
    return seen


def mark_epoch(base, store, epoch):
    """Remember the epoch, so that it is on disk before the first change."""
    seen = _epochs(base)
    if seen.get(store) == epoch:
        return
    seen[store] = epoch
    path = os.path.join(base, "epochs.json")
    try:
        with open(path + ".new", "w", encoding="utf-8") as stream:
            json.dump(seen, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(path + ".new", path)
    except OSError as error:
        raise Refused(_trouble(path, error)) from error


@contextlib.contextmanager
def scratch(base):
    """A private directory for the time of a run. Under the exclusive lock: what a killed run left there goes too."""
    above = os.path.join(base, "tmp")
    shutil.rmtree(above, ignore_errors=True)
    try:
        loader.private(above)
        path = tempfile.mkdtemp(dir=above)
    except OSError as error:
        raise Refused(_trouble(above, error)) from error
    try:
        yield path
    finally:
        shutil.rmtree(above, ignore_errors=True)
