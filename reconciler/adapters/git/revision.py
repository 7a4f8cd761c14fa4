"""Which commit a branch, tag or SHA means. Names in a repository are untrusted: what could be two things is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches

import pygit2

from reconciler.adapters.git.plain import plain
from reconciler.model.errors import Stalled
from reconciler.ports import Revision

_FULL = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{4,39}")
# What git's own revision language uses, and what no name of a branch or tag may hold.
_NOT_A_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|^-")
_PREFIXES = ("refs/heads/", "refs/tags/", "refs/remotes/")
_SHOWN = 10


def resolve(repository: pygit2.Repository, rev: str | None, head: str, where: str) -> pygit2.Commit:
    """The commit that `rev` means; None and `HEAD` mean the ref `head`. Raises Stalled when there is no such one."""
    if rev is None or rev == "HEAD":
        return _default(repository, head, where)
    if _NOT_A_NAME.search(rev) or not rev:
        raise Stalled(f"{plain(rev)!r} is not a branch, tag or SHA", "name one of these, without ~, ^, .. or @{}")
    found = dict(_meanings(repository, rev))
    if not found:
        raise _unknown(repository, rev, where)
    if len({commit.id for commit in found.values()}) > 1:
        names = ", ".join(sorted(found))
        raise Stalled(f"{rev!r} means different commits in {where}: {names}", "write the full name")
    return next(iter(found.values()))


def describe(commit: pygit2.Commit) -> Revision:
    """The commit as a value, its subject as one line of plain text."""
    lines = commit.raw_message.lstrip().splitlines()
    return Revision(str(commit.id), plain(lines[0]) if lines else "", _moment(commit.commit_time))


def _meanings(repository: pygit2.Repository, rev: str) -> Iterator[tuple[str, pygit2.Commit]]:
    """All commits that `rev` could mean, by full name. A full SHA is only itself, whatever a branch is called."""
    if not _FULL.fullmatch(rev):
        for name in [rev] if rev.startswith("refs/") else [prefix + rev for prefix in _PREFIXES]:
            if commit := _of_ref(repository, name):
                yield name, commit
    if (_FULL.fullmatch(rev) or _SHORT.fullmatch(rev)) and (commit := _of_id(repository, rev)):
        yield str(commit.id), commit


def _of_ref(repository: pygit2.Repository, name: str) -> pygit2.Commit | None:
    try:
        return repository.references[name].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        return None  # no such ref, no possible name of one, or a tag of something else


def _of_id(repository: pygit2.Repository, text: str) -> pygit2.Commit | None:
    try:
        return repository[text].peel(pygit2.Commit)
    except KeyError:
        return None
    except ValueError:
        raise Stalled(f"{text!r} is the beginning of several objects' SHAs", "write more of the SHA") from None
    except pygit2.GitError:
        return None  # a tree or a blob


def _default(repository: pygit2.Repository, head: str, where: str) -> pygit2.Commit:
    if commit := _of_ref(repository, head):
        return commit
    if not any(_names(repository, prefix) for prefix in _PREFIXES):
        raise Stalled(
            f"{where} is empty: it has no commit yet", "commit a first host or service; `reconciler init` writes one"
        )
    raise Stalled(
        f"the default branch of {where} has no commit that can be read", f"--rev names another; {_known(repository)}"
    )


def _unknown(repository: pygit2.Repository, rev: str, where: str) -> Stalled:
    names = [name for prefix in _PREFIXES for name in _names(repository, prefix)]
    near = [] if _FULL.fullmatch(rev) else get_close_matches(rev, names[:10_000], 3, 0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return Stalled(f"{rev!r} is no branch, tag or commit in {where}", hint + _known(repository))


def _known(repository: pygit2.Repository) -> str:
    branches = _names(repository, "refs/heads/") or _names(repository, "refs/remotes/")
    return f"branches: {_some(branches)}; tags: {_some(_names(repository, 'refs/tags/'))}"


def _names(repository: pygit2.Repository, prefix: str) -> list[str]:
    return sorted(plain(name[len(prefix) :]) for name in repository.references if name.startswith(prefix))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)  # anybody can write any number into a commit
