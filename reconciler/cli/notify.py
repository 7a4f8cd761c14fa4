"""`reconciler notify` and `reconciler notify test`: who is told what happens, what waits, and whether it arrives."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Retry, Stalled


@click.group(invoke_without_command=True)
@common
def command(common: Common) -> None:
    """Show who is told what happens, and what waits to be told.

    The daemon (`reconciler serve`) notes and sends notices. Channels are `[[notify]]` in the settings.
    """
    from reconciler.bootstrap import SystemClock, open_store
    from reconciler.bootstrap.notifying import channels
    from reconciler.cli import show
    from reconciler.core.notifying.outbox_text import outbox_document, outbox_markdown, outbox_text

    if click.get_current_context().invoked_subcommand:
        return
    found, now = channels(common.settings), SystemClock().now()
    with open_store(common.settings) as store:
        waiting = store.outbox.waiting()
    match common.output:
        case "json":
            show.document(outbox_document(found, waiting, now))
        case "markdown":
            click.echo("\n".join(outbox_markdown(found, waiting, now)))
        case "text":
            show.lines(outbox_text(found, waiting, now), color=common.color)


@command.command("test")
@click.argument("name")
@common
def test(common: Common, name: str) -> int:
    """Send a message to the channel NAME now, and say what comes of it.

    It looks like drift of a service `test`, whatever the channel hears of else, and is not kept.
    """
    from reconciler.bootstrap import SystemClock, open_store
    from reconciler.bootstrap.notifying import open_messenger
    from reconciler.core.notifying.channel import Parcel
    from reconciler.model.digest import digest
    from reconciler.model.notice import Notice

    known = {channel.name for channel in common.settings.notify}
    if name not in known:
        raise Stalled(f"there is no channel {name!r}", f"there are: {', '.join(sorted(known)) or 'none'}")
    now = SystemClock().now()
    why = ("This is a test: nothing has happened.",)
    notice = Notice(digest([name, now.isoformat()]), "drift-found", now, ("test",), resources=0, reasons=why)
    with open_store(common.settings) as store:
        wrong = open_messenger(common.settings, name).send(Parcel(name, (notice,)), store.id)
    if wrong:
        raise Retry(f"{name} could not be told: {wrong}", "see docs/notifications.md")
    click.echo(f"{name} has taken it.")
    return 0
