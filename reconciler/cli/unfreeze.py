"""`reconciler unfreeze`: ends a freeze that was ordered."""

from __future__ import annotations

import click

from reconciler.cli.freeze import subject_of
from reconciler.cli.options import Common, common
from reconciler.cli.person import actor
from reconciler.model.errors import Stalled


@click.command()
@click.argument("what", required=False, metavar="[service:NAME | project:NAME]")
@common
def command(common: Common, what: str | None) -> None:
    """End a freeze that was ordered by `reconciler freeze`, by the same name. One in Git ends in Git."""
    from reconciler.bootstrap import SystemClock, open_store

    subject, now = subject_of(what), SystemClock().now()
    with open_store(common.settings) as store:
        if not store.end_order("freeze", subject, actor(), now):
            there = ", ".join(order.subject or "everything" for order in store.orders(now).freezes)
            raise Stalled(f"there is no freeze of {subject or 'everything'}", f"frozen by order: {there or 'nothing'}")
    click.echo(f"No longer frozen by order: {subject or 'everything'}")
