"""Fetching over https with libgit2: certificates are checked, and a token goes to the host that it is for only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pygit2
from pygit2.enums import CredentialType, FetchPrune

from reconciler.adapters.git.address import Remote, origin
from reconciler.adapters.git.plain import plain
from reconciler.adapters.git.settings import GitSettings
from reconciler.model.errors import ReconcilerError, Retry, Stalled

# Forges take a token with any user name, but not with none.
_ANYBODY: Final = "git"


def fetch(mirror: pygit2.Repository, remote: Remote, refs: Sequence[str], settings: GitSettings) -> None:
    """Fetches the refs into the mirror and forgets those that are gone. Raises Retry or Stalled."""
    milliseconds = settings.stall_seconds * 1000
    pygit2.settings.server_connect_timeout = milliseconds
    pygit2.settings.server_timeout = milliseconds
    if settings.ca_file:
        _trust(settings)
    try:
        try:
            _fetch(mirror, remote, refs, settings)
        except pygit2.GitError as error:
            if "refs/" not in str(error):
                raise
            # libgit2 prunes last: a new branch `a/b` finds the old branch `a` in its place.
            _forget_gone(mirror, remote, settings)
            _fetch(mirror, remote, refs, settings)
    except pygit2.GitError as error:
        raise _meaning(str(error), remote) from None


def _fetch(mirror: pygit2.Repository, remote: Remote, refs: Sequence[str], settings: GitSettings) -> None:
    connection = mirror.remotes.create_anonymous(remote.url)
    connection.fetch(list(refs), callbacks=_Login(remote, settings), prune=FetchPrune.PRUNE, proxy=True)


def _forget_gone(mirror: pygit2.Repository, remote: Remote, settings: GitSettings) -> None:
    connection = mirror.remotes.create_anonymous(remote.url)
    there = {head.name for head in connection.list_heads(callbacks=_Login(remote, settings), proxy=True)}
    for name in list(mirror.references):
        if name.startswith(("refs/heads/", "refs/tags/")) and name not in there:
            mirror.references.delete(name)


class _Login(pygit2.RemoteCallbacks):
    """Answers the remote's question for a login, once."""

    def __init__(self, remote: Remote, settings: GitSettings) -> None:
        super().__init__()
        self._remote = remote
        self._settings = settings
        self._asked = False

    def credentials(self, url: str, username_from_url: str | None, allowed_types: CredentialType) -> pygit2.UserPass:
        if origin(url) != self._remote.origin:
            raise Stalled(f"{self._remote} sent us on to another host, which asks for the token", "use its new address")
        if not self._settings.token:
            raise Stalled(
                f"{self._remote} asks for a login (or isn't there: many forges don't tell)",
                "set a git token that may read the repository",
            )
        if self._asked:
            raise Stalled(f"{self._remote} refuses the git token", "give one that is valid and may read the repository")
        self._asked = True
        return pygit2.UserPass(self._settings.username or username_from_url or _ANYBODY, self._settings.token)


def _trust(settings: GitSettings) -> None:
    try:
        pygit2.settings.set_ssl_cert_locations(str(settings.ca_file), None)
    except pygit2.GitError as error:
        raise Stalled(
            f"the certificates in {settings.ca_file} can't be used: {plain(str(error))}", "give a PEM file"
        ) from None


def _meaning(text: str, remote: Remote) -> ReconcilerError:
    lower = text.lower()
    if "certificate" in lower:
        return Stalled(
            f"the certificate of {remote} is not to be trusted: {plain(text)}",
            "if the forge has its own authority, give its certificate as CA file",
        )
    if "redirect" in lower:
        return Stalled(f"{remote} has moved: {plain(text)}", "give the new address; redirects are not followed")
    if any(f" {status}" in lower for status in (401, 403, 404, 410)):
        return Stalled(
            f"{remote} isn't there, or may not be read: {plain(text)}", "check the address and the git token"
        )
    return Retry(f"{remote} can't be fetched: {plain(text)}", "it is tried again; check the network and the forge")
