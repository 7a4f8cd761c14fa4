"""A notice as a signed webhook: the CloudEvent in the body, and who may read it can see that it is ours.

The signature is that of generic webhooks which come in (`core.serving.webhook`): HMAC-SHA256 over `timestamp.id.body`.
Must not know what notices say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from reconciler.adapters.notify.settings import WebhookTarget
from reconciler.adapters.outward.connection import Trust, connected, meaning
from reconciler.adapters.outward.request import Target, Unanswered, answer, post
from reconciler.core.notifying.cloudevent import CONTENT_TYPE, event_bytes
from reconciler.core.serving.webhook import signature
from reconciler.model.notice import Notice


def send(target: WebhookTarget, notices: Sequence[Notice], store: str) -> str:
    """Sends one event after the other, up to the first that does not arrive; why that is. Empty: all have arrived."""
    for notice in notices:
        if wrong := asyncio.run(_sent(target, notice, store)):
            return wrong
    return ""


async def _sent(target: WebhookTarget, notice: Notice, store: str) -> str:
    body, stamp = event_bytes(notice, store), str(int(time.time()))
    headers = {
        "Content-Type": CONTENT_TYPE,
        "X-Reconciler-Timestamp": stamp,
        "X-Reconciler-Delivery": notice.id,
        "X-Reconciler-Signature": signature(target.secret, stamp, notice.id, body),
    }
    try:
        async with asyncio.timeout(target.timeout):
            place = Target.of(target.url)
            async with connected(place, target.allowed, Trust(target.ca_file)) as streams:
                status, _ = await answer(*streams, post(place, body, headers), body=False)
    except TimeoutError:
        return f"no answer within {target.timeout:g} s"
    except (Unanswered, OSError) as error:
        return meaning(error)
    return "" if 200 <= status < 300 else f"it answered {status}"
