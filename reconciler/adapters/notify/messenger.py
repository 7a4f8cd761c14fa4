"""The `Messenger` port: a message to a channel, by what that is. Must not know what is worth telling, nor when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from reconciler.adapters.notify.settings import AppriseTarget, Target, WebhookTarget
from reconciler.core.notifying.channel import Parcel


class ChannelMessenger:
    """Sends to these channels."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets

    def send(self, parcel: Parcel, store: str) -> str:
        """See `ports.outbox.Messenger`."""
        target = self._targets[parcel.channel]
        match target:
            case WebhookTarget():
                from reconciler.adapters.notify.webhook import send as send_webhook

                return send_webhook(target, parcel.notices, store)
            case AppriseTarget():
                from reconciler.adapters.notify.apprise import send as send_words

                return send_words(target, parcel.notices)
            case _:
                assert_never(target)
