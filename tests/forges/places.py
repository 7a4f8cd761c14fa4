"""Each forge that there is, opened by our own clients on a server of its own, and one in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.adapters.forge import ForgeSettings, open_forge
from reconciler.ports.forge import Forge
from tests.fakes.fleet import StoppedClock
from tests.fakes.forge import ForgeInMemory
from tests.forges.github import REPOSITORY, GitHubRoutes
from tests.forges.gitlab import PROJECT, GitLabRoutes
from tests.forges.server import TOKEN, Server, serving
from tests.forges.site import Site

SERVED = ("github", "ghes", "gitlab")
KINDS = ("memory", *SERVED)
HEAD = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


@dataclass
class Place:
    """A forge on which pull request 7 is open at `HEAD`. `server` is there where one is behind it."""

    kind: str
    site: Site
    forge: Forge
    clock: StoppedClock = field(default_factory=StoppedClock)
    server: Server | None = None

    @property
    def requests(self) -> Server:
        """The server, where there must be one."""
        assert self.server is not None
        return self.server


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """A forge of this kind."""
    site = Site()
    site.open_pull(7, HEAD)
    if kind == "memory":
        yield Place(kind, site, ForgeInMemory(site))
        return
    clock = StoppedClock()
    with served(kind, site) as server, open_forge(settings(kind, server), clock) as forge:
        yield Place(kind, site, forge, clock, server)


@contextmanager
def served(
    kind: str, site: Site, *, installation: bool = False, context: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server of this kind, before the site; with TLS where a context is given."""

    def routes() -> GitHubRoutes | GitLabRoutes:
        return GitLabRoutes(site) if kind == "gitlab" else GitHubRoutes(site, kind, installation)

    with serving(routes, context) as server:
        yield server


def settings(kind: str, server: Server, token: str = TOKEN) -> ForgeSettings:
    """How our client is told of it."""
    if kind == "gitlab":
        return ForgeSettings("gitlab", PROJECT, token, server.url + "/api/v4")
    return ForgeSettings("github", REPOSITORY, token, server.url + ("/api/v3" if kind == "ghes" else ""))
