"""The routes. `/healthz` says that the process lives and looks at nothing else; `/readyz` says what is stale."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reconciler.core.instant import to_text
from reconciler.core.serving.condition import Condition, staleness
from reconciler.core.serving.webhook import LARGEST, Bucket, Received, Source, delivery
from reconciler.ports import Hint

BURST, REFILL = 20, timedelta(seconds=3)
"""Webhooks of one source: so many at once, then one every three seconds."""
PATIENCE = 10
"""Seconds in which a body has to come: who sends slowly must not hold connections."""
Verdict = Literal["accepted", "refused", "limited", "too_large"]


@dataclass(slots=True)
class Desk:
    """What the routes work with. `condition` is put here by whoever knows it; `secrets` are those of webhooks, by
    source: a source without one has no route."""

    put: Callable[[Hint], None]
    metrics: Callable[[], bytes]
    secrets: Mapping[Source, bytes] = field(default_factory=dict)
    count: Callable[[Source, Verdict], None] = lambda *_: None
    condition: Condition = field(default_factory=Condition)
    _buckets: dict[Source, Bucket] = field(default_factory=dict)

    def publish(self, condition: Condition) -> None:
        self.condition = condition

    def bucket(self, source: Source) -> Bucket:
        return self._buckets.setdefault(source, Bucket(BURST, REFILL))


def application(desk: Desk) -> Starlette:
    """The routes for a desk."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        document = readiness(desk.condition, datetime.now(UTC))
        return JSONResponse(document, 503 if document["stale"] else 200)

    async def metrics(_: Request) -> Response:
        return Response(desk.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def webhook(request: Request) -> Response:
        return await _webhook(desk, request)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/webhooks/{source}", webhook, methods=["POST"]),
        ]
    )


def readiness(condition: Condition, now: datetime) -> dict[str, object]:
    """What /readyz says: whether it is ready, and each thing that is stale, in words."""
    stale = list(staleness(condition, now))
    return {
        "format_version": 1,
        "ready": not stale,
        "stale": stale,
        "role": condition.role,
        "leader": condition.leader,
        "epoch": condition.epoch,
        "revision": condition.revision,
        "polled_at": to_text(condition.polled_at) if condition.polled_at else None,
        "paused": condition.pause.why if condition.pause else None,
        "applying": list(condition.applying),
        "halted": list(condition.halted),
        "waiting": [
            {"service": w.service, "why": w.why, "until": to_text(w.until) if w.until else None}
            for w in condition.waiting
        ],
    }


async def _webhook(desk: Desk, request: Request) -> Response:
    """Every refusal looks the same: who guesses learns nothing."""
    source = next((known for known in get_args(Source) if known == request.path_params["source"]), None)
    secret = desk.secrets.get(source) if source else None
    if source is None or secret is None:
        return PlainTextResponse("not found\n", 404)
    now = datetime.now(UTC)
    if not desk.bucket(source).take(now):
        return _answer(desk, source, "limited", 429)
    body = await _body(request)
    if body is None:
        return _answer(desk, source, "too_large", 413)
    name = delivery(source, Received(dict(request.headers), body, now), secret)
    if name is None:
        return _answer(desk, source, "refused", 403)
    desk.put(Hint(source, name, now))
    return _answer(desk, source, "accepted", 202)


def _answer(desk: Desk, source: Source, verdict: Verdict, status: int) -> Response:
    desk.count(source, verdict)
    return PlainTextResponse(f"{verdict.replace('_', ' ')}\n", status)


async def _body(request: Request) -> bytes | None:
    """The body, None as soon as it is too large, whatever its length was said to be, or takes too long."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST:
                    return None
                parts.append(part)
    except (ClientDisconnect, TimeoutError):
        return None
    return b"".join(parts)
