"""`reconciler pause`: the kill switch. A file first, so that it works whatever has become of the database."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.cli.person import actor


@click.command()
@common
@click.option("--reason", required=True, metavar="WHY", help="Kept, and shown wherever something waits for it.")
def command(common: Common, reason: str) -> None:
    """Stop everything that changes hosts, at the next safe point. Needs no database.

    A daemon begins no further host and finishes those that it began; `reconciler apply` is refused. Hosts are still
    asked. The pause is kept in a file beside the store, also when the store can't be read; `reconciler resume` ends it.
    """
    from reconciler.bootstrap import SystemClock, open_brake, open_store
    from reconciler.model.errors import ReconcilerError
    from reconciler.model.order import Order

    pause = Order("pause", actor(), reason, SystemClock().now())
    brake = open_brake(common.settings)
    brake.pull(pause)
    click.echo("Paused. Nothing that changes hosts is begun any more; go on with: reconciler resume")
    click.echo(f"Kept in {brake.path}.")
    try:
        with open_store(common.settings) as store:
            store.give_order(pause)
    except ReconcilerError as error:
        click.echo(f"The store does not know of it ({error.message}); the file {brake.path} holds it.", err=True)
