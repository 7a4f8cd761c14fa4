"""`reconciler why`: one resource of one host, explained."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled


@click.command()
@click.argument("host")
@click.argument("resource", metavar="KIND/NAME")
@common
@click.option("--observe", "ask", is_flag=True, help="Ask the hosts first. [default: use what the store knows]")
def command(common: Common, host: str, resource: str, ask: bool) -> None:
    """Explain one resource of one host.

    Which document and line asks for it, the values and where each comes from, what was seen and when, why it
    changes or doesn't, and what it waits for: `reconciler why web-07 file//etc/nginx/nginx.conf`.
    """
    from datetime import timedelta

    from reconciler.cli import show
    from reconciler.core.explain.past_text import RECENT_DAYS
    from reconciler.core.explain.why import Known, why
    from reconciler.core.explain.why_text import why_document, why_markdown, why_text
    from reconciler.loop.observe import Freshness
    from reconciler.loop.reconcile import Request, plan
    from reconciler.model.key import Key

    try:
        key = Key.parse(resource)
    except ValueError as error:
        raise Stalled(str(error)) from None
    with common.world((show.Watch(color=common.color),)) as world:
        freshness = Freshness(timedelta(0) if ask else None)
        planned = plan(world, Request(common.rev, freshness, look_at=frozenset({host}), aside=common.elsewhere))
        known = Known(
            desired=planned.read.desired,
            linked=planned.read.linked,
            observations=planned.observations,
            ownership=planned.ownership,
            assessment=planned.assessment,
            plan=planned.plan,
            registry=world.registry,
            episodes=world.store.episodes(world.clock.now() - timedelta(days=RECENT_DAYS), key),
        )
        found, now = why(known, host, key), world.clock.now()
    match common.output:
        case "json":
            show.document(why_document(found))
        case "markdown":
            click.echo("\n".join(why_markdown(found, now)))
        case "text":
            show.lines(why_text(found, now), color=common.color)
