"""Where a repository may be: a local path, https, or ssh. Everything else is refused here, before Git sees it.

Git's other transports run programs (`ext::`) or check nothing (`git://`), and a word that begins with `-` is an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from reconciler.adapters.git.plain import is_plain, plain
from reconciler.model.errors import Stalled

_FORMS = "give a local path, https://host/path, ssh://user@host/path or user@host:path"
# user@host:path, with no slash before the colon, as git reads it.
_SCP = re.compile(r"(?P<user>[^@/:]+@)?(?P<host>[^@/:\[\]]+|\[[^\]/]+\]):(?P<path>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Local:
    """A repository on this machine, read in place."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository that is fetched. `origin` is scheme, host and port: whom credentials are for.

    As text it has no user name for https, since some people put a token there.
    """

    url: str
    transport: Literal["https", "ssh"]
    origin: tuple[str, str, int | None]

    def __str__(self) -> str:
        if self.transport == "ssh":
            return self.url
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


Address: TypeAlias = Local | Remote


def parse_address(text: str, allow_http: bool = False) -> Address:
    """What the text points to. Raises Stalled for what is not allowed."""
    if not text or not is_plain(text) or text != text.strip():
        raise Stalled(f"{plain(text)!r} is not the address of a repository", _FORMS)
    if text.startswith("-"):
        raise Stalled(f"the repository {plain(text)!r} begins with a dash, so it would be an option", _FORMS)
    if re.match(r"[A-Za-z0-9+.-]+::", text):
        raise Stalled(f"the repository {plain(text)!r} asks for a program to be run; that is never done", _FORMS)
    if "://" in text:
        return _from_url(text, allow_http)
    scp = _SCP.fullmatch(text)
    if scp and not Path(text).exists():
        return _ssh(text, (scp["user"] or "")[:-1], scp["host"], None, scp["path"])
    return Local(Path(text).absolute())


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), _port(parts)


def _from_url(text: str, allow_http: bool) -> Address:
    try:
        parts = urlsplit(text)
        port = _port(parts)
    except ValueError as error:
        raise Stalled(f"{plain(text)!r} is not the address of a repository: {plain(str(error))}", _FORMS) from None
    match parts.scheme.lower():
        case "file" if parts.netloc in ("", "localhost"):
            return Local(Path(unquote(parts.path)))
        case "ssh":
            if parts.password:
                raise Stalled("the repository's address holds a password", "ssh uses keys; take the password out")
            return _ssh(text, parts.username or "", parts.hostname or "", port, parts.path)
        case "https":
            return _https(text, parts)
        case "http" if allow_http:
            return _https(text, parts)
        case "http":
            raise Stalled("http:// would send the state, and your token, unprotected", "use https://, or allow http")
        case scheme:
            raise Stalled(f"repositories are not read over {plain(scheme)}://", _FORMS)


def _https(text: str, parts: SplitResult) -> Remote:
    if parts.password:
        raise Stalled("the repository's address holds a password", "put it into the settings: git token")
    if parts.query or parts.fragment:
        raise Stalled("the repository's address has something behind a ? or #", "leave that out; " + _FORMS)
    if not parts.hostname:
        raise Stalled(f"{plain(text)!r} is not the address of a repository", _FORMS)
    return Remote(text, "https", origin(text))


def _ssh(text: str, user: str, host: str, port: int | None, path: str) -> Remote:
    if not host or not path.strip("/"):
        raise Stalled(f"{plain(text)!r} is not the address of a repository", _FORMS)
    if any(part.startswith("-") for part in (user, host, path)):
        raise Stalled(f"a part of {plain(text)!r} begins with a dash, so it would be an option", _FORMS)
    return Remote(text, "ssh", ("ssh", host, port))


def _port(parts: SplitResult) -> int | None:
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower())
