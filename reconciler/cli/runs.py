"""`reconciler runs` and `reconciler runs show`: what was applied, when, by whom, and how it went."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled


@click.group(invoke_without_command=True)
@common
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
def command(common: Common, limit: int) -> None:
    """Show what was applied, when, and how it went. The newest first."""
    from reconciler.bootstrap import open_store
    from reconciler.cli import show
    from reconciler.core.explain.run_text import runs_document, runs_markdown, runs_text

    if click.get_current_context().invoked_subcommand:
        return
    with open_store(common.settings) as store:
        found = store.runs(limit)
    match common.output:
        case "json":
            show.document(runs_document(found))
        case "markdown":
            click.echo("\n".join(runs_markdown(found)))
        case "text":
            show.lines(runs_text(found), color=common.color)


@command.command("show")
@click.argument("run", type=click.IntRange(1))
@common
def show_run(common: Common, run: int) -> None:
    """Show everything that a run did."""
    from reconciler.bootstrap import open_store
    from reconciler.cli import show
    from reconciler.core.explain.run_text import run_details, run_document, run_markdown

    with open_store(common.settings) as store:
        found, back = store.run(run), store.runs_undoing(run)
    if found is None:
        raise Stalled(f"there is no run {run}", "`reconciler runs` lists them")
    match common.output:
        case "json":
            show.document(run_document(found, back))
        case "markdown":
            click.echo("\n".join(run_markdown(found)))
        case "text":
            show.lines(run_details(found), color=common.color)
