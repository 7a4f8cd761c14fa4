"""`reconciler unpin`: lets a service go on."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.cli.person import actor
from reconciler.model.errors import Stalled


@click.command()
@click.argument("service")
@common
def command(common: Common, service: str) -> None:
    """Let a service go on to what Git says now."""
    from reconciler.bootstrap import SystemClock, open_store

    now = SystemClock().now()
    with open_store(common.settings) as store:
        if not store.end_order("pin", service, actor(), now):
            there = ", ".join(store.orders(now).pins)
            raise Stalled(f"service {service!r} is not pinned", f"pinned: {there or 'nothing'}")
    click.echo(f"No longer pinned: {service}")
