"""`reconciler freeze`: keeps services from being changed, by an operator's word."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common, duration
from reconciler.cli.person import actor


@click.command()
@click.argument("what", required=False, metavar="[service:NAME | project:NAME]")
@common
@click.option("--reason", required=True, metavar="WHY", help="Kept, and shown wherever something waits for it.")
@click.option("--for", "length", metavar="SPAN", help="How long: 90s, 10m, 2h, 1d. [default: until unfreeze]")
def command(common: Common, what: str | None, reason: str, length: str | None) -> None:
    """Keep services from being changed: one, those of a project, or all of them.

    Holds for the daemon and for `reconciler apply`. What is being changed is stopped at the next safe point. A Freeze
    document in Git does the same, and is reviewed.
    """
    from reconciler.bootstrap import SystemClock, open_store
    from reconciler.model.order import Order

    subject, now = subject_of(what), SystemClock().now()
    until = now + duration(length) if length else None
    with open_store(common.settings) as store:
        store.give_order(Order("freeze", actor(), reason, now, subject, until))
    end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else f"until: reconciler unfreeze {subject}".rstrip()
    click.echo(f"Frozen: {subject or 'everything'}, {end}")


def subject_of(what: str | None) -> str:
    """`service:NAME` or `project:NAME` as it is kept; nothing means everything."""
    form, colon, name = (what or "").partition(":")
    if what and not (form in ("service", "project") and colon and name):
        raise click.UsageError(f"{what!r} is neither service:NAME nor project:NAME")
    return what or ""
