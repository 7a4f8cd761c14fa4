"""`reconciler inventory` and `reconciler inventory accept`: the hosts that come from outside of Git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.model.inventory import Listing


@click.group(invoke_without_command=True)
@common
@click.option("--refresh", is_flag=True, help="Read the sources that are older than they may be.")
def command(common: Common, refresh: bool) -> int:
    """Show the sources of hosts outside of Git: how many hosts, how old, what is held.

    Sources are tables [[inventory]] in reconciler.toml; `plan`, `apply`, `drift` and `observe` read them when they
    are old. Exit code 0 when all of them can be used as they are, 1 otherwise.
    """
    from reconciler.bootstrap import open_inventories
    from reconciler.model.problem import errors

    if click.get_current_context().invoked_subcommand:
        return 0
    listings = [inventory.listing(refresh=refresh) for inventory in open_inventories(common.settings)]
    _show(common, listings)
    return 1 if any(errors(listing.problems) for listing in listings) else 0


@command.command("accept")
@click.argument("name")
@common
def accept(common: Common, name: str) -> None:
    """Take what an inventory lists now, although it is far from what it listed before."""
    from reconciler.bootstrap import open_inventories
    from reconciler.core.quote import did_you_mean

    found = {inventory.name: inventory for inventory in open_inventories(common.settings)}
    if name not in found:
        hint = did_you_mean(name, found) or "inventories are tables [[inventory]] in reconciler.toml"
        raise Stalled(f"there is no inventory {name!r}", hint)
    _show(common, [found[name].accept()])


def _show(common: Common, listings: list[Listing]) -> None:
    from datetime import UTC, datetime

    from reconciler.cli import show
    from reconciler.core.explain.inventory_text import inventory_document, inventory_markdown, inventory_text

    now = datetime.now(UTC)
    match common.output:
        case "json":
            show.document(inventory_document(listings))
        case "markdown":
            click.echo("\n".join(inventory_markdown(listings, now)))
        case "text":
            show.lines(inventory_text(listings, now), color=common.color)
