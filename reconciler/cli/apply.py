"""`reconciler apply`: runs a saved plan, or makes one, shows it and asks."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, Stop, common, observing
from reconciler.cli.plan import show_plan
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.loop.observe import Freshness
    from reconciler.loop.reconcile import Planned
    from reconciler.loop.world import World


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@common
@observing
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--heal", is_flag=True, help="Only undo what was changed on the hosts; leave what Git changed.")
@click.option("--target", "targets", multiple=True, metavar="WHAT", help="Only this (see plan).")
@click.option("--exclude", "excludes", multiple=True, metavar="WHAT", help="All but this.")
@click.option("--allow-deletes", type=click.IntRange(0), default=0, metavar="N", help="Allow up to N deletes.")
def command(common: Common, file: str | None, freshness: Freshness, **options: Any) -> int:
    """Make the hosts as Git says.

    With FILE, runs exactly the plan that `reconciler plan --out FILE` wrote; each host checks that it still is as
    planned, and does nothing if it is not. Without, makes a plan, shows it, and asks. If an earlier apply was
    interrupted (its process was killed, the machine went down), the hosts that it was at work on are asked first what
    became of them; with FILE its plan then goes on where it was. Exit code 0 when everything went through or nothing
    was to do, 1 otherwise.
    """
    from reconciler.cli import show
    from reconciler.loop.reconcile import apply, saved, settle_interrupted

    asking = not (file or options["yes"])
    if asking and common.output != "text":
        raise click.UsageError(f"--output {common.output} can't ask; say --yes, or give a plan's FILE")
    stop = Stop()
    with common.world((show.Watch(color=common.color),)) as world:
        with stop.listening():
            settle_interrupted(world, stop)
            if file:
                planned = saved(world, _read_plan(file), common.rev)
            else:
                planned = _planned(common, world, freshness, options, stop)
        _check(world, planned, options["allow_deletes"])
        if common.output == "text" and not file:
            show_plan(common, world, planned, options["allow_deletes"])
        if not _anything(planned, file):
            return _idle(common, planned, file)
        if asking and planned.plan.summary.changes and not _agreed():
            raise Stalled("nothing was applied")
        with stop.listening():
            run = apply(world, planned, _actor(), stop)
        return _report(common, world, run.id)


def _read_plan(file: str) -> Any:
    from reconciler.core.plan_json import read_plan

    try:
        return read_plan(Path(file).read_bytes())
    except OSError as error:
        raise Stalled(f"{file}: {error.strerror}", "`reconciler plan --out FILE` writes one") from None


def _planned(common: Common, world: World, freshness: Freshness, options: dict[str, Any], stop: Stop) -> Planned:
    from reconciler.core.plan import Scope
    from reconciler.loop.reconcile import Request, plan

    scope = Scope(options["targets"], options["excludes"], options["heal"])
    planned = plan(world, Request(common.rev, freshness, scope), stop)
    if stop.asked:
        raise Stalled("stopped before anything was applied")
    return planned


def _check(world: World, planned: Planned, allow_deletes: int) -> None:
    from reconciler.core.explain.plan_text import refusal_text
    from reconciler.core.gate import Allowance
    from reconciler.loop.reconcile import refusals

    refused = refusals(world, planned, Allowance(allow_deletes))
    if refused:
        text = [line.text for refusal in refused for line in refusal_text(refusal)]
        raise Stalled("\n".join(text).removeprefix("refused: "), "nothing was applied")


def _anything(planned: Planned, file: str | None) -> bool:
    """Whether there is something to do, be it only to write down what is found in order."""
    verdicts = planned.assessment.verdicts
    recording = bool(planned.plan.releases) or any(verdict.equal for verdict, _ in verdicts)
    return bool(planned.plan.summary.changes) or (recording and not file)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Stalled("there is no terminal to ask on", "say --yes to apply without asking")
    click.echo()
    return click.prompt("Apply this plan? Only `yes` does", default="no", show_default=False, err=True) == "yes"


def _idle(common: Common, planned: Planned, file: str | None) -> int:
    """A plan without changes: there is no run, and that is fine."""
    from reconciler.cli import show
    from reconciler.core.explain.outline import last_line
    from reconciler.core.explain.run_text import idle_document

    match common.output:
        case "json":
            show.document(idle_document(planned.plan))
        case "markdown":
            click.echo(f"**{last_line(planned.plan)}**")
        case "text":
            if file:
                click.echo(last_line(planned.plan))
    return 0


def _actor() -> str:
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # In a container a user may be a bare number.
        name = f"uid {os.getuid()}"
    return f"{name}@cli"


def _report(common: Common, world: World, run_id: int) -> int:
    from reconciler.cli import show
    from reconciler.core.explain.run_text import run_document, run_markdown, run_text

    run = world.store.run(run_id)
    if run is None:
        raise Stalled(f"run {run_id} is not in the store")
    match common.output:
        case "json":
            show.document(run_document(run))
        case "markdown":
            click.echo("\n".join(run_markdown(run)))
        case "text":
            click.echo()
            show.lines(run_text(run), color=common.color)
    return 0 if run.status == "succeeded" else 1
