"""`reconciler status`: how things stand by what the store and the brake know. Asks no host and not Git."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common


@click.command()
@common
def command(common: Common) -> None:
    """Show how things stand: what is paused, frozen or pinned, what was tried by itself, the last runs.

    Says what the store knows, without asking anybody. A daemon says more at its /readyz.
    """
    from reconciler.bootstrap import SystemClock, open_brake, open_store
    from reconciler.cli import show
    from reconciler.core.explain.status_text import Status, status_document, status_markdown, status_text
    from reconciler.loop.lead import PURPOSE

    now, brake = SystemClock().now(), open_brake(common.settings).pulled()
    with open_store(common.settings) as store:
        orders, attempts, runs = store.orders(now), tuple(store.attempts().values()), tuple(store.runs(5))
        status = Status(brake, orders, attempts, runs, store.holder(PURPOSE))
    match common.output:
        case "json":
            show.document(status_document(status))
        case "markdown":
            click.echo("\n".join(status_markdown(status, now)))
        case "text":
            show.lines(status_text(status, now), color=common.color)
