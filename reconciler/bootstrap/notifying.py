"""Who is told what happens: settings to channels, with their secrets, and the herald that serves them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import SystemRandom

from reconciler.adapters.notify import AppriseTarget, ChannelMessenger, Target, WebhookTarget, known
from reconciler.adapters.outward.address import Allowed
from reconciler.bootstrap.secret_files import secret_of
from reconciler.config import NotifySettings, Settings
from reconciler.core.notifying.channel import Channel
from reconciler.loop.herald import Herald
from reconciler.model.calendar import Window
from reconciler.model.errors import Stalled
from reconciler.ports.outbox import Messenger


def open_herald(settings: Settings) -> Herald | None:
    """Who tells people what happens, where somebody is to be told. Raises Stalled as `targets`."""
    if not settings.notify:
        return None
    beside, messenger = ThreadPoolExecutor(1, thread_name_prefix="herald"), ChannelMessenger(targets(settings))

    def runner(work: Callable[[], None]) -> None:
        beside.submit(work)

    return Herald(channels(settings), messenger, runner, SystemRandom().random)


def open_messenger(settings: Settings, name: str) -> Messenger:
    """What sends to one channel. Raises Stalled as `targets`."""
    return ChannelMessenger({each.name: _target(each) for each in settings.notify if each.name == name})


def channels(settings: Settings) -> list[Channel]:
    """Who is told what, and when."""
    return [_channel(each) for each in settings.notify]


def targets(settings: Settings) -> dict[str, Target]:
    """Where notices go, by the name of their channel, with the secrets for that. Raises Stalled for what can't be had,
    and where apprise does not know an address."""
    return {each.name: _target(each) for each in settings.notify}


def _target(given: NotifySettings) -> Target:
    where = f"notify.{given.name}"
    url = given.url or secret_of(f"{where}.url", given.url_file, given.url_env)
    if given.type == "webhook":
        secret = secret_of(f"{where}.secret", given.secret_file, given.secret_env).encode()
        allowed = Allowed(given.allow_loopback, given.allow_link_local, section=where, what="notifications")
        return WebhookTarget(url, secret, allowed, Path(given.ca_file) if given.ca_file else None, given.timeout)
    if not known(url):
        raise Stalled(f"{where}.url is no address that apprise knows", "see `apprise --details` for what it takes")
    return AppriseTarget(url)


def _channel(given: NotifySettings) -> Channel:
    people = given.type == "apprise"
    return Channel(
        name=given.name,
        kinds=frozenset(given.kinds),
        owners=frozenset(given.owners),
        projects=frozenset(given.projects),
        quiet=tuple(Window("quiet", "deny", q.cron, timedelta(seconds=q.duration), q.timezone) for q in given.quiet),
        urgent=frozenset(given.urgent),
        per_hour=given.per_hour or (20 if people else 600),
        # People read a few lines; a program gets one event at a time.
        together=20 if people else 1,
    )
