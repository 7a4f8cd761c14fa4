"""`reconciler resume`: ends a pause."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.cli.person import actor


@click.command()
@common
@click.option("--reason", required=True, metavar="WHY", help="Why it may go on.")
def command(common: Common, reason: str) -> int:
    """Go on after a pause.

    Needs no database either. But where the store can't be told, a pause that it holds too lasts until it is told.
    """
    from reconciler.bootstrap import SystemClock, open_brake, open_store
    from reconciler.model.errors import ReconcilerError

    released = open_brake(common.settings).release()
    try:
        with open_store(common.settings) as store:
            held = store.end_order("pause", "", f"{actor()}: {reason}", SystemClock().now())
    except ReconcilerError as error:
        click.echo(f"The store can't be told ({error.message}).", err=True)
        click.echo("If it holds the pause too, say this again when it is back.", err=True)
        return 1
    click.echo("Resumed." if held or released else "Nothing was paused.")
    return 0
