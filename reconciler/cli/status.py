"""`reconciler status`: how things stand, on one screen. Asks no host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, Stop, common, duration
from reconciler.model.errors import Retry, Stalled

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.core.explain.status import Status
    from reconciler.loop.world import World


@click.command()
@common
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--every", default="5s", show_default=True, metavar="AGE", help="How often to look with --watch.")
def command(common: Common, watch: bool, every: str) -> None:
    """Show how things stand, on one screen.

    Who leads and what is under way, what waits and for what, what is near its limit, which hosts do not answer and
    what they have in common, what drifts, what is paused, frozen or pinned, the last runs. Says what Git and the store
    know; asks no host. With --watch and --output json, a document on each line.
    """
    seconds = duration(every).total_seconds()
    if seconds <= 0:
        raise click.UsageError("--every must be more than nothing")
    with common.world() as world:
        if not watch:
            _show(common, world, again=False)
            return
        with Stop(notice=lambda _: None).listening() as stop:
            while not stop():
                _show(common, world, again=True)
                world.clock.wait(seconds, stop)


def _show(common: Common, world: World, *, again: bool) -> None:
    from reconciler.loop.overview import status

    try:
        found = status(world, common.rev)
    except (Retry, Stalled) as error:
        if not again:
            raise
        # Who watches waits for what is away to come back.
        click.echo(f"error: {error.message}", err=True)
        return
    _told(common, found, world.clock.now(), again=again)


def _told(common: Common, found: Status, now: datetime, *, again: bool) -> None:
    """One look, in the form that was asked for. On a terminal it takes the place of the one before."""
    import orjson

    from reconciler.cli import show
    from reconciler.core.explain.status_text import status_document, status_markdown, status_text

    match common.output:
        case "json" if again:
            click.echo(orjson.dumps(status_document(found)).decode())
        case "json":
            show.document(status_document(found))
        case "markdown":
            click.echo("\n".join([*status_markdown(found, now), *([""] if again else [])]))
        case _:
            if again:
                click.clear()
                click.echo(f"{now:%Y-%m-%d %H:%M:%S} UTC\n")
            show.lines(status_text(found, now), color=common.color)
