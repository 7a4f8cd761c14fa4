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

    The store is told first: a pause that it still holds would not be over.
    """
    from reconciler.bootstrap import SystemClock, open_brake, open_store

    with open_store(common.settings) as store:
        held = store.end_order("pause", "", f"{actor()}: {reason}", SystemClock().now())
    released = open_brake(common.settings).release()
    click.echo("Resumed." if held or released else "Nothing was paused.")
    return 0
