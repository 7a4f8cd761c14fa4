"""`reconciler serve`: the daemon. Here are only its options and its signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common

if TYPE_CHECKING:
    from reconciler.adapters.log import LogListener
    from reconciler.adapters.post import Mailbox
    from reconciler.config import Settings


@click.command()
@common
@click.option("--listen", metavar="HOST:PORT", help="Where it answers. [default: 127.0.0.1:8430]")
@click.option("--poll-interval", metavar="SPAN", help="How often Git is looked at. [default: 30s]")
@click.option("--observe-interval", metavar="SPAN", help="How often each host is asked. [default: 30m]")
def command(common: Common, **given: str | None) -> int:
    """Keep the hosts as Git says: watch Git and hosts, and apply what may be applied by itself.

    Services with `sync: auto` follow Git, those with `heal: auto` are brought back when somebody changes a host; for
    all others it only watches and measures. Several may run on one store: one leads, the others wait. Ends at a safe
    point on SIGTERM; reads its settings again on SIGHUP.
    """
    from reconciler.adapters.log import LogListener
    from reconciler.adapters.post import Mailbox
    from reconciler.adapters.systemd import notify
    from reconciler.bootstrap import open_daemon
    from reconciler.loop.lead import live

    settings = common.again(serve=_given(given))
    mailbox, log = Mailbox(), LogListener(settings.serve.log_format, settings.serve.log_level)
    _on_signals(mailbox, log, lambda: common.again(serve=_given(given)), settings)
    with open_daemon(settings, mailbox, log) as (life, where):
        log.say("info", "listening", address=where)
        notify("READY=1")
        try:
            live(life)
        finally:
            notify("STOPPING=1")
            mailbox.close()
    log.say("info", "ended")
    return 0


def _given(options: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in options.items() if value is not None}


def _on_signals(mailbox: Mailbox, log: LogListener, read: Callable[[], Settings], first: Settings) -> None:
    def stop(*_: Any) -> None:
        mailbox.stop()

    def reload(*_: Any) -> None:
        # Reading files and logging are too much for a handler, which runs in the middle of anything.
        threading.Thread(target=_reload, args=(mailbox, log, read, first), name="reload", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, reload)


def _reload(mailbox: Mailbox, log: LogListener, read: Callable[[], Settings], first: Settings) -> None:
    """What is safe changes now; what is not is named. Settings that are wrong change nothing."""
    from reconciler.adapters.systemd import notify
    from reconciler.bootstrap import caution_of, limits_of, pace_of
    from reconciler.config import differences, reloadable
    from reconciler.model.errors import ReconcilerError
    from reconciler.ports import Reloaded

    notify(f"RELOADING=1\nMONOTONIC_USEC={_microseconds()}")
    try:
        settings = read()
    except ReconcilerError as error:
        log.say("error", "the new settings are wrong; the old ones stay", why=error.message)
    else:
        log.set_level(settings.serve.log_level)
        mailbox.put(Reloaded(pace_of(settings), limits_of(settings), caution_of(settings)))
        later = [name for name in differences(first, settings) if not reloadable(name)]
        log.say("warning" if later else "info", "settings were read again", needs_restart=later)
    notify("READY=1")


def _microseconds() -> int:
    import time

    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
