"""The policy of signed commits: every commit that is new since the last accepted ones is checked, not only the newest.

What was accepted is remembered in a file of the operator's, so that a branch that was moved elsewhere is checked from
where it left what is known. Must not know how a signature is checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import SortMode

from reconciler.adapters.git.plain import plain
from reconciler.adapters.git.signers import Signers
from reconciler.model.errors import Stalled

MOST = 5_000
"""New commits that are checked at once: each takes a program some milliseconds."""
_TIPS = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """`signers` are who must sign what; `since` is a commit that is trusted with all before it (empty: none is);
    `memory` is the file with the commits that were accepted."""

    signers: tuple[Signers, ...]
    since: str
    memory: Path


def check(policy: Policy, repository: pygit2.Repository, tip: pygit2.Commit) -> None:
    """Accepts a commit, with all before it that is new. Raises Stalled for the first one that may not be there."""
    accepted = _accepted(policy.memory)
    if str(tip.id) in accepted:
        return
    for signers in policy.signers:
        signers.check()
    for commit in _new(policy, repository, tip, accepted):
        for signers in policy.signers:
            if not _touches(commit, signers.path):
                continue
            if refusal := signers.refusal(commit):
                raise _refused(commit, signers, refusal, first=not accepted and not policy.since)
    _remember(policy.memory, [str(tip.id), *accepted][:_TIPS])


def _new(
    policy: Policy, repository: pygit2.Repository, tip: pygit2.Commit, accepted: list[str]
) -> Iterator[pygit2.Commit]:
    """Commits that lead to the tip and to none that is trusted, the oldest first."""
    walker = repository.walk(tip.id, SortMode.TOPOLOGICAL | SortMode.REVERSE)
    if policy.since:
        walker.hide(_trusted(repository, policy.since))
    for name in accepted:
        if name in repository:
            walker.hide(pygit2.Oid(hex=name))
    try:
        for number, commit in enumerate(walker):
            if number >= MOST:
                raise Stalled(
                    f"there are more than {MOST:,} commits to check before {str(tip.id)[:12]}",
                    "set git.signed_since to the last commit that you trust with all before it",
                )
            yield commit
    except (KeyError, pygit2.GitError) as error:
        raise Stalled(
            f"the history can't be checked: {plain(str(error))}", "fetch all of it, no shallow clone"
        ) from None


def _trusted(repository: pygit2.Repository, name: str) -> pygit2.Oid:
    try:
        return repository[name].peel(pygit2.Commit).id
    except (KeyError, ValueError, pygit2.GitError):
        raise Stalled(f"git.signed_since: there is no commit {plain(name)}", "name one with its whole SHA") from None


def _touches(commit: pygit2.Commit, path: str) -> bool:
    """Whether it brings something new below the path: what a merge takes over from one side was signed there."""
    if not path:
        return True
    ours = _entry(commit, path)
    return all(_entry(parent, path) != ours for parent in commit.parents) if commit.parents else ours is not None


def _entry(commit: pygit2.Commit, path: str) -> tuple[str, int] | None:
    try:
        found = commit.tree[path]
    except KeyError:
        return None
    return str(found.id), int(found.filemode)


def _refused(commit: pygit2.Commit, signers: Signers, refusal: str, *, first: bool) -> Stalled:
    author = f"{plain(commit.author.raw_name or b'')} <{plain(commit.author.raw_email or b'')}>"
    subject = plain((commit.raw_message.lstrip().splitlines() or [b""])[0], 80)
    where = f", which changes {signers.path}," if signers.path else ""
    hint = (
        "nothing is done from it or from what is built on it. Have it signed again by a trusted signer, or trust theirs"
    )
    if first:
        hint += "; git.signed_since names the commit up to which history needs no signatures"
    return Stalled(f"commit {str(commit.id)[:12]} by {author} (“{subject}”){where} {refusal}", hint)


def _accepted(memory: Path) -> list[str]:
    try:
        found = json.loads(memory.read_bytes())["accepted"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise Stalled(
            f"{memory}, which remembers the commits that were accepted, can't be read",
            "look at it; without it, commits are checked from git.signed_since on",
        ) from None
    return [name for name in found if isinstance(name, str)]


def _remember(memory: Path, accepted: list[str]) -> None:
    """Whole or not at all: a torn one would be no memory."""
    new = memory.with_name(f".{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps({"accepted": accepted}).encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(memory)
    except OSError as error:
        raise Stalled(f"{memory} can't be written: {error.strerror}", "let this user write its directory") from None
