"""`reconciler drift`: what was changed on the hosts themselves, now and over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, common, common_with, duration, observing

if TYPE_CHECKING:
    from reconciler.core.explain.ignoring import Snippet
    from reconciler.core.explain.report import Report
    from reconciler.loop.observe import Freshness

SNIPPETS = 10
"""Of what comes back most."""


@click.group(invoke_without_command=True)
@common
@observing
def command(common: Common, freshness: Freshness) -> int:
    """Show what was changed on the hosts themselves, since when, how often, and whose it is.

    What Git changed and nobody applied yet is pending, not drift: `reconciler plan` shows that. Exit code 2 when
    something drifts, 0 when nothing does.
    """
    from datetime import timedelta

    from reconciler.cli import show
    from reconciler.core.assessing.drift import drifted
    from reconciler.core.explain.drift_text import Drifting, drift_document, drift_markdown, drift_text
    from reconciler.core.explain.past_text import RECENT_DAYS
    from reconciler.core.recording.past import by_thing, recalled
    from reconciler.loop.reconcile import Request, plan, watch

    if click.get_current_context().invoked_subcommand:
        return 0
    with common.world((show.Watch(color=common.color),)) as world:
        planned = plan(world, Request(common.rev, freshness, aside=common.elsewhere))
        watch(world, planned)
        now = world.clock.now()
        episodes = world.store.episodes(now - timedelta(days=RECENT_DAYS))
    desired = planned.read.desired
    found = recalled(drifted(planned.assessment, desired, planned.observations), episodes)
    drifting = Drifting(found, planned.assessment.blocked, desired, by_thing(episodes))
    match common.output:
        case "json":
            show.document(drift_document(drifting))
        case "markdown":
            click.echo("\n".join(drift_markdown(drifting)))
        case _:
            show.lines(drift_text(drifting, now), color=common.color)
    return 2 if found else 0


@command.command("report")
@common_with("markdown", "json", "csv", "html")
@click.option("--since", default="7d", show_default=True, metavar="AGE", help="How far back: 12h, 7d, 90d.")
@click.option("--by", "label", default="", metavar="LABEL", help="Tell places apart by it. [default: that of rollouts]")
@click.option("--out", type=click.Path(dir_okay=False), help="Write it to a file.")
def report_command(common: Common, since: str, label: str, out: str | None) -> None:
    """Report what drifted over some time: where, whose it is, how often, what ended it, and who fights over it.

    Asks no host: it tells what was noted whenever hosts were asked. As HTML it is one file that needs nothing else.
    Where something comes back, it has the YAML that would leave it alone, and what exactly that would silence.
    """
    from pathlib import Path

    from reconciler.core.explain.ignoring import Repository, snippets
    from reconciler.core.explain.report import Period, report
    from reconciler.loop.desire import lines_of, read_desired
    from reconciler.loop.orders import orders

    with common.world() as world:
        read = read_desired(world.reading, common.rev, orders(world).pins)
        now = world.clock.now()
        period = Period(now - duration(since), now)
        made = report(world.store.episodes(period.since), read.desired, period, label)
        repository = Repository(read.desired, read.linked, world.registry, lines_of(world.reading, read))
        text = _report(common, made, snippets(made.recurring, repository, SNIPPETS))
    if out:
        Path(out).write_bytes(text.encode())
    else:
        click.echo(text, nl=False)


def _report(common: Common, made: Report, leave: Sequence[Snippet]) -> str:
    """The report in the form that was asked for."""
    import json

    from reconciler.core.explain.report_document import report_document
    from reconciler.core.explain.report_text import report_csv, report_markdown

    match common.output:
        case "json":
            # All that is not ASCII is escaped: it may come from hosts.
            return json.dumps(report_document(made, leave), indent=2) + "\n"
        case "csv":
            return report_csv(made)
        case "html":
            from reconciler.adapters.report import page

            return page(made, leave)
        case _:
            return "\n".join(report_markdown(made, leave)) + "\n"
