"""Mirrors: bare copies of remote repositories in the operator's cache, one for each URL.

One process at a time fetches into one. A mirror can always be deleted; it is made again.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pygit2

from reconciler.adapters.git import https, ssh
from reconciler.adapters.git.address import Remote
from reconciler.adapters.git.repository import isolate, open_local
from reconciler.adapters.git.settings import GitSettings
from reconciler.model.errors import Stalled

HEAD: Final = "refs/reconciler/HEAD"
"""Where a mirror keeps what the remote's default branch was."""

REFS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", f"+HEAD:{HEAD}")


def open_mirror(remote: Remote, settings: GitSettings) -> pygit2.Repository:
    """The mirror as it is; an empty one is made where there is none. Raises Stalled when the cache can't be written."""
    path = _path(remote, settings)
    if not (path / "HEAD").exists():
        with _locked(path):
            _make(path)
    return open_local(path)


def fetch(remote: Remote, settings: GitSettings) -> None:
    """Brings the mirror to what the remote has now: new, moved and deleted branches and tags.

    Raises Retry when the remote can't be reached, Stalled when it refuses or isn't what it should be.
    """
    mirror = open_mirror(remote, settings)
    path = Path(mirror.path)
    with _locked(_path(remote, settings)):
        match remote.transport:
            case "https":
                https.fetch(mirror, remote, REFS, settings)
            case "ssh":
                ssh.fetch(path, remote, REFS, settings)


def _path(remote: Remote, settings: GitSettings) -> Path:
    name = hashlib.blake2b(remote.url.encode(), digest_size=12).hexdigest()
    return settings.cache / "git" / f"{name}.git"


def _make(path: Path) -> None:
    isolate()
    try:
        mirror = pygit2.init_repository(str(path), bare=True)
        # libgit2 then follows a redirect only on the same host: another one could get the token, or give the state.
        mirror.config["http.followRedirects"] = "false"
    except (pygit2.GitError, OSError) as error:
        raise Stalled(f"the cache {path} can't be made: {error}", "let this user write the cache's directory") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits for other processes that fetch the same; the kernel frees the lock of one that dies."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("w")
    except OSError as error:
        raise Stalled(
            f"the cache {path.parent} can't be written: {error.strerror}", "let this user write the cache's directory"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
