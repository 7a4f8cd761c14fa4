"""A forge's HTTP API: requests with a token, pages, limits on requests, and refusals in words.

Nothing that it raises or prints has the token in it, and the token goes to no other server. Must not know which forge
it is, nor what is asked for.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx2
import orjson
from pydantic import TypeAdapter, ValidationError

from reconciler import __version__
from reconciler.adapters.forge.patience import Answer, pause
from reconciler.core.words import printable
from reconciler.model.errors import Retry, Stalled
from reconciler.ports import Clock

T = TypeVar("T")
LARGEST = 16 << 20
"""Bytes of an answer: a hundred comments of the greatest length fit."""
PAGES = 100
"""Of one list. A thread of ten thousand comments is nobody's."""
APART = timedelta(seconds=1)
"""Between two writes, as GitHub asks for."""
TIMEOUT = 30.0
"""Seconds without a sign of life from the forge."""


@dataclass(frozen=True, slots=True)
class Connection:
    """`url` is the API's own, `headers` say who asks; `patience` is how long one request may be waited for."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    patience: timedelta
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is below the API's URL, or below `base` where that is given. `repeatable`: doing it twice is doing it
    once. `missing`: a 404 is an answer."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    document: Any = None
    repeatable: bool = True
    missing: bool = False
    base: str = ""


class Api:
    """One connection, used by one thread."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._written: datetime | None = None
        self._client = httpx2.Client(
            headers={**connection.headers, "User-Agent": f"reconciler/{__version__}"},
            timeout=TIMEOUT,
            verify=_tls(connection.ca_file),
        )
        self.url = connection.url.rstrip("/")
        self.server = urlsplit(self.url).netloc

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def get(self, path: str, form: TypeAdapter[T]) -> T:
        """What stands there. Raises Retry, Stalled."""
        return self.read(self.send(Request("GET", path)), form)

    def pages(self, path: str, form: TypeAdapter[T], query: Mapping[str, str] | None = None) -> Iterator[T]:
        """A list's pages, a hundred entries each."""
        asked = {**(query or {}), "per_page": "100"}
        for _ in range(PAGES):
            answer = self.send(Request("GET", path, asked))
            yield self.read(answer, form)
            following = _next(answer.headers.get("link", ""))
            if not following:
                return
            # Only the query: behind a proxy a forge may name itself otherwise, and nobody else gets the token.
            asked = dict(parse_qsl(urlsplit(following).query))
        raise Stalled(f"{self.server} has more than {PAGES} pages of {path}", "say it on another pull request")

    def send(self, request: Request) -> Answer:
        """The answer, once it is a good one. Raises Retry, Stalled."""
        waited = 0.0
        for tried in count(1):
            answer = self._sent(request)
            if answer.status < 300 and answer.status:
                return answer
            if request.missing and answer.status in (404, 410):
                return answer
            seconds = pause(answer, tried, self._clock.now())
            if seconds is None or (answer.faulty and not request.repeatable):
                break
            if waited + seconds > self._connection.patience.total_seconds():
                break
            self._clock.wait(seconds, _never)
            waited += seconds
        raise self._refused(request, answer)

    def read(self, answer: Answer, form: TypeAdapter[T]) -> T:
        """An answer's JSON in the form that the forge documents. Raises Stalled."""
        try:
            return form.validate_json(answer.body)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in detail["loc"])
            message = f"{self.server} answers otherwise than this forge does: {where or 'it'}: {detail['msg']}"
            raise Stalled(message, "check forge.type and forge.api_url") from None

    def _sent(self, request: Request) -> Answer:
        if request.method != "GET":
            self._apart()
        content = None if request.document is None else orjson.dumps(request.document)
        headers = {"Content-Type": "application/json"} if content else {}
        url = (request.base or self.url) + request.path
        try:
            with self._client.stream(
                request.method, url, params=dict(request.query) or None, content=content, headers=headers
            ) as response:
                return Answer(response.status_code, dict(response.headers), _body(response))
        except httpx2.HTTPError as error:
            return Answer(0, {}, f"{type(error).__name__}: {error}".encode())

    def _apart(self) -> None:
        """Lets time pass since the last write."""
        now = self._clock.now()
        if self._written is not None and (left := (self._written + APART - now).total_seconds()) > 0:
            self._clock.wait(left, _never)
        self._written = self._clock.now()

    def _refused(self, request: Request, answer: Answer) -> Retry | Stalled:
        what = f"{request.method} {request.base or self.url}{request.path}"
        if not answer.status:
            return Retry(
                f"{what}: {_printed(answer.body)}", "check forge.api_url, and that it can be reached from here"
            )
        said = f"{what}: {answer.status} {_message(answer.body)}"
        if answer.limited:
            return Retry(f"{self.server} limits our requests. {said}", "run this command again later")
        if answer.faulty:
            return Retry(said, "run this command again")
        return Stalled(said, _hint(answer))


def _body(response: httpx2.Response) -> bytes:
    found = bytearray()
    for part in response.iter_bytes():
        found += part
        if len(found) > LARGEST:
            raise Stalled(f"an answer of {response.url.host} is larger than {LARGEST >> 20} MiB", "check forge.api_url")
    return bytes(found)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise Stalled(
                f"forge.ca_file {ca_file}: {error.strerror or error}", "give a file of certificates"
            ) from None
    return context


def _next(link: str) -> str:
    """The URL of the next page by a Link header (RFC 8288); empty: there is none."""
    for part in link.split(","):
        target, *attributes = part.split(";")
        if any(attribute.strip() in ('rel="next"', "rel=next") for attribute in attributes):
            return target.strip().removeprefix("<").removesuffix(">")
    return ""


def _message(body: bytes) -> str:
    """What a forge says about a refusal: GitHub's `message`, GitLab's `message` or `error`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    said = document.get("message") or document.get("error") or ""
    return _printed((said if isinstance(said, str) else orjson.dumps(said).decode()).encode())


def _printed(text: bytes) -> str:
    return printable(text.decode(errors="replace"))[:300]


def _hint(answer: Answer) -> str:
    if answer.status == 401:
        return "the forge does not know the token, or not any more: make a new one"
    if answer.status in (403, 404):
        wanted = answer.headers.get("x-accepted-github-permissions", "")
        needs = f" (it wants {_printed(wanted.encode())})" if wanted else ""
        return f"check what the token may do{needs}, and the repository's name: docs/pull-requests.md"
    if 300 <= answer.status < 400:
        return "the API is elsewhere: set forge.api_url or forge.repository to what it is called now"
    return "see docs/pull-requests.md"


def _never() -> bool:
    return False
