"""`reconciler drift`: what was changed on the hosts themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, common, observing

if TYPE_CHECKING:
    from reconciler.loop.observe import Freshness


@click.command()
@common
@observing
def command(common: Common, freshness: Freshness) -> int:
    """Show what was changed on the hosts themselves, since when, and whose it is.

    What Git changed and nobody applied yet is pending, not drift: `reconciler plan` shows that. Exit code 2 when
    something drifts, 0 when nothing does.
    """
    from reconciler.cli import show
    from reconciler.core.assessing.drift import drifted
    from reconciler.core.explain.drift_text import drift_document, drift_markdown, drift_text
    from reconciler.loop.reconcile import Request, plan, watch

    with common.world((show.Watch(color=common.color),)) as world:
        planned = plan(world, Request(common.rev, freshness))
        watch(world, planned)
        now = world.clock.now()
    desired = planned.read.desired
    found = drifted(planned.assessment, desired, planned.observations)
    blocked = planned.assessment.blocked
    match common.output:
        case "json":
            show.document(drift_document(found, blocked))
        case "markdown":
            click.echo("\n".join(drift_markdown(found, blocked)))
        case "text":
            show.lines(drift_text(found, blocked, desired, now), color=common.color)
    return 2 if found else 0
