"""`reconciler status`: how things stand, on one screen. Asks no host."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, Stop, common, duration
from reconciler.model.errors import ReconcilerError

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.core.explain.status import Status


@click.command()
@common
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--every", default="5s", show_default=True, metavar="AGE", help="How often to look with --watch.")
def command(common: Common, watch: bool, every: str) -> int:
    """Show how things stand, on one screen.

    Who leads and what is under way, what waits and for what, what is near its limit, which hosts do not answer and
    what they have in common, what drifts, what is paused, frozen or pinned, the last runs. Says what Git and the store
    know; asks no host. Without the store it says what else it knows, such as a pause, and ends with exit code 1. With
    --watch and --output json, a document on each line.
    """
    from reconciler.bootstrap import SystemClock

    seconds, clock = duration(every).total_seconds(), SystemClock()
    if seconds <= 0:
        raise click.UsageError("--every must be more than nothing")
    with closing(_looks(common)) as looks:
        if not watch:
            found = next(looks)
            _told(common, found, clock.now(), again=False)
            return 1 if found.away else 0
        with Stop(notice=lambda _: None).listening() as stop:
            while not stop():
                _told(common, next(looks), clock.now(), again=True)
                clock.wait(seconds, stop)
    if sys.stdout.isatty():
        click.echo()  # below the ^C
    return 0


def _looks(common: Common) -> Generator[Status, None, None]:
    """How things stand, whenever it is asked. What can't be had is opened anew at the next look."""
    from reconciler.bootstrap import open_brake, open_reading
    from reconciler.loop.overview import status, storeless

    while True:
        try:
            with common.world() as world:
                away = ""
                while not away:
                    found = status(world, common.rev)
                    away = found.away
                    yield found
        except ReconcilerError as error:
            reading, brake = open_reading(common.settings), open_brake(common.settings).pulled()
            yield storeless(reading, brake, common.rev, error.message)


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
