"""Tells people and other programs: signed webhooks, and whatever apprise reaches."""

from __future__ import annotations

from reconciler.adapters.notify.apprise import known
from reconciler.adapters.notify.messenger import ChannelMessenger
from reconciler.adapters.notify.settings import AppriseTarget, Target, WebhookTarget

__all__ = ["AppriseTarget", "ChannelMessenger", "Target", "WebhookTarget", "known"]
