"""`reconciler pin`: keeps a service at a revision, so that a rollback stays although Git goes on."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common, duration
from reconciler.cli.person import actor
from reconciler.model.errors import Stalled


@click.command()
@click.argument("service")
@click.argument("revision")
@common
@click.option("--until", "length", required=True, metavar="SPAN", help="For how long: 90s, 10m, 2h, 1d.")
@click.option("--reason", required=True, metavar="WHY", help="Kept, and shown wherever the service is explained.")
def command(common: Common, service: str, revision: str, length: str, reason: str) -> None:
    """Keep a service at a revision for a time, whatever Git says now.

    The service's document and files are read at that revision, hosts and projects as they are now. Plans, applies and
    the daemon all keep to it; with `sync: auto` the daemon brings the service back to it.
    """
    from reconciler.bootstrap import SystemClock, open_reading, open_store
    from reconciler.loop.pinned import at_pin
    from reconciler.model.order import Order

    reading = open_reading(common.settings)
    sha, now = reading.source.revision(revision).sha, SystemClock().now()
    until = now + duration(length)
    order = Order("pin", actor(), reason, now, service, until, sha)
    found = at_pin(reading, order, reading.source.tree(reading.source.revision(common.rev)), None)
    if isinstance(found.document, str):
        raise Stalled(f"service {service!r} can't be pinned to {sha[:7]}: {found.document}", "name another revision")
    with open_store(common.settings) as store:
        store.give_order(order)
    click.echo(f"Pinned: {service} at {sha[:7]} until {until:%Y-%m-%d %H:%M} UTC. End it: reconciler unpin {service}")
