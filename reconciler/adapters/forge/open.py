"""Opens a forge by settings: which it is, where its API is, and who asks. Refuses what would give a token away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.adapters.forge.api import Api, Connection
from reconciler.adapters.forge.github import HEADERS, GitHub
from reconciler.adapters.forge.gitlab import GitLab
from reconciler.adapters.forge.surroundings import ForgeType
from reconciler.model.errors import Stalled
from reconciler.ports import Clock
from reconciler.ports.forge import Forge

_HOSTED: dict[ForgeType, str] = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
_REPOSITORY: dict[ForgeType, tuple[str, str]] = {
    "github": (r"[\w.-]+/[\w.-]+", "OWNER/NAME"),
    "gitlab": (r"[0-9]+|[\w.-]+(/[\w.-]+)+", "the project's number, or GROUP/NAME"),
}


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """One repository at a forge. `api_url` empty: the forge that everybody has. `allow_http`: also without TLS."""

    type: ForgeType
    repository: str
    token: str = field(repr=False)
    api_url: str = ""
    ca_file: Path | None = None
    allow_http: bool = False
    patience: timedelta = timedelta(minutes=5)


@contextmanager
def open_forge(settings: ForgeSettings, clock: Clock) -> Iterator[Forge]:
    """The forge, until the end of the block. Asks nothing yet. Raises Stalled for settings that can't be right."""
    form, words = _REPOSITORY[settings.type]
    if not re.fullmatch(form, settings.repository):
        raise Stalled(f"forge.repository is {settings.repository!r:.80}", f"give {words}")
    if not re.fullmatch("[!-~]+", settings.token):
        # A header with such a token would be refused with the token in the message.
        raise Stalled("the forge's token is empty, or has characters that no token has", "check where it comes from")
    url = _url(settings)
    if settings.type == "github":
        headers = {**HEADERS, "Authorization": f"Bearer {settings.token}"}
    else:
        headers = {"PRIVATE-TOKEN": settings.token}
    api = Api(Connection(url, headers, settings.patience, settings.ca_file), clock)
    try:
        yield GitHub(api, settings.repository) if settings.type == "github" else GitLab(api, settings.repository)
    finally:
        api.close()


def _url(settings: ForgeSettings) -> str:
    url = settings.api_url or _HOSTED[settings.type]
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Stalled(f"forge.api_url {url!r:.120} is not the URL of an API", f"such as {_HOSTED[settings.type]}")
    if parts.scheme == "http" and not settings.allow_http and not _loopback(parts.hostname):
        raise Stalled(
            f"forge.api_url {url} has no TLS: the token would be sent in the clear",
            "write https://, or set forge.allow_http = true",
        )
    return url


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
