"""`reconciler plan`: what would change and why."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, common, observing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.gate import Refusal
    from reconciler.loop.observe import Freshness
    from reconciler.loop.reconcile import Planned
    from reconciler.loop.world import World


@click.command()
@common
@observing
@click.option("--target", "targets", multiple=True, metavar="WHAT", help="Only this: a service, host, or kind/name.")
@click.option("--exclude", "excludes", multiple=True, metavar="WHAT", help="All but this.")
@click.option("--out", type=click.Path(dir_okay=False), help="Write the plan to a file, for `reconciler apply FILE`.")
def command(
    common: Common, freshness: Freshness, targets: tuple[str, ...], excludes: tuple[str, ...], out: str | None
) -> int:
    """Show what would change on the hosts, and why.

    Asks the hosts first, one round trip each; changes nothing. A target is service:NAME, host:NAME, project:NAME,
    label:KEY=VALUE, or a resource as kind/name. A plan that goes to a file, or that a limit refuses, is also kept in
    the store, so that `reconciler approve` knows it. Exit code 0 when the hosts are as Git says, 2 when changes are
    due.
    """
    from reconciler.cli import show
    from reconciler.core.gate import Allowance
    from reconciler.core.planning.plan import Scope
    from reconciler.core.planning.plan_json import plan_bytes
    from reconciler.loop.reconcile import Request, keep, plan, refusals

    with common.world((show.Watch(color=common.color),)) as world:
        planned = plan(world, Request(common.rev, freshness, Scope(targets, excludes), aside=common.elsewhere))
        if out:
            Path(out).write_bytes(plan_bytes(planned.plan))
        refused = refusals(world, planned, Allowance())
        if out or refused:  # what may have to be approved has to be known
            keep(world, planned)
        show_plan(common, world, planned, refused)
    if out and planned.plan.summary.changes:
        click.echo(f"The plan is in {click.format_filename(out)}. Go on: reconciler apply {shlex.quote(out)}", err=True)
    return 2 if planned.plan.summary.changes else 0


def show_plan(common: Common, world: World, planned: Planned, refused: Sequence[Refusal]) -> None:
    """The plan in the form that was asked for."""
    from reconciler.cli import show
    from reconciler.core.explain.markdown import plan_markdown
    from reconciler.core.explain.plan_text import plan_text
    from reconciler.core.gate import warned
    from reconciler.core.planning.plan_json import plan_document

    match common.output:
        case "json":
            show.document(plan_document(planned.plan))
        case "markdown":
            warnings = warned(planned.plan, planned.read.desired)
            click.echo("\n".join(plan_markdown(planned.plan, refused, warnings)))
        case "text":
            subject, now = planned.read.revision.subject, world.clock.now()
            show.lines(plan_text(planned.plan, planned.read.desired, refused, subject, now), color=common.color)
