"""`reconciler apply`: runs a saved plan, or makes one, shows it and asks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, Stop, common, observing
from reconciler.cli.person import actor
from reconciler.cli.plan import show_plan
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.core.gate import Allowance
    from reconciler.loop.observe import Freshness
    from reconciler.loop.reconcile import Planned
    from reconciler.loop.world import World
    from reconciler.ports import Store


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@common
@observing
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--heal", is_flag=True, help="Only undo what was changed on the hosts; leave what Git changed.")
@click.option("--target", "targets", multiple=True, metavar="WHAT", help="Only this (see plan).")
@click.option("--exclude", "excludes", multiple=True, metavar="WHAT", help="All but this.")
@click.option("--plan", "digest", metavar="DIGEST", help="Run a plan that the store keeps, such as an approved one.")
@click.option("--allow-deletes", type=click.IntRange(0), default=0, metavar="N", help="Allow up to N deletes.")
@click.option("--again", is_flag=True, help="Although the last run at this revision was halted by its failures.")
@click.option("--override", default="", metavar="WHY", help="Apply despite a pause, freeze or window; kept with why.")
def command(common: Common, file: str | None, freshness: Freshness, **options: Any) -> int:
    """Make the hosts as Git says.

    With FILE, runs exactly the plan that `reconciler plan --out FILE` wrote; with --plan, one that the store keeps.
    Each host checks that it still is as planned, and does nothing if it is not. Without, makes a plan, shows it and
    asks. Services change in batches, as their `rollout` says. If an earlier apply was interrupted (its process was
    killed, the machine went down), the hosts that it was at work on are asked first what became of them; then its plan
    goes on where it was, unless Git has moved or you ask for something else. Exit code 0 when everything went through
    or nothing was to do, 1 otherwise.
    """
    from reconciler.cli import show
    from reconciler.core.gate import Allowance
    from reconciler.loop.reconcile import apply, settle_interrupted
    from reconciler.model.order import Order

    if file and options["digest"] is not None:
        raise click.UsageError("FILE and --plan exclude each other")
    made = bool(file) or options["digest"] is not None
    asking = not (made or options["yes"])
    if asking and common.output != "text":
        raise click.UsageError(f"--output {common.output} can't ask; say --yes, or give a plan's FILE")
    if file and (options["targets"] or options["excludes"] or options["heal"]):
        raise click.UsageError("a plan's FILE is applied as it is; --target, --exclude and --heal are for making one")
    stop = Stop()
    with common.world((show.Watch(color=common.color),)) as world:
        with stop.listening():
            settle_interrupted(world, stop)
            if made:
                planned = _saved(world, common, file, options["digest"])
            else:
                planned = _resumed(common, world, options) or _planned(common, world, freshness, options, stop)
        allowance = Allowance(options["allow_deletes"], options["again"], options["override"].strip())
        _check(world, planned, allowance)
        if common.output == "text" and not made:
            show_plan(common, world, planned, ())
        if not _anything(planned, made):
            return _idle(common, planned, made)
        if asking and planned.plan.summary.changes and not _agreed():
            raise Stalled("nothing was applied")
        if allowance.override:
            now, digest = world.clock.now(), planned.plan.digest
            world.store.give_order(Order("override", actor(), allowance.override, now, digest))
        with stop.listening():
            run = apply(world, planned, actor(), stop)
        return _report(common, world, run.id)


def _read_plan(file: str) -> Any:
    from reconciler.core.planning.plan_json import read_plan

    try:
        return read_plan(Path(file).read_bytes())
    except OSError as error:
        raise Stalled(f"{file}: {error.strerror}", "`reconciler plan --out FILE` writes one") from None


def _saved(world: World, common: Common, file: str | None, prefix: str | None) -> Planned:
    """A plan from its file, or from the store. One from the store is for its own revision."""
    from reconciler.core.planning.plan_json import read_plan
    from reconciler.loop.reconcile import saved

    if file:
        return saved(world, _read_plan(file), common.rev)
    digest = stored_plan(world.store, prefix or "")
    plan = read_plan(world.store.plan(digest) or b"")
    return saved(world, plan, common.rev or plan.revision)


def stored_plan(store: Store, prefix: str) -> str:
    """The digest of the one plan in the store that begins so. Raises Stalled."""
    found = store.plans_like(prefix) if prefix else []
    if len(found) > 1:
        raise Stalled(f"several plans begin with {prefix}: {', '.join(found)}", "give more of the digest")
    if not found:
        raise Stalled(f"there is no plan {prefix!r} in the store", "`reconciler plan --out FILE` keeps one there")
    return found[0]


def _resumed(common: Common, world: World, options: dict[str, Any]) -> Planned | None:
    """The plan of an apply that was interrupted, if nothing else is asked for."""
    from reconciler.core.explain.run_text import resumed_line
    from reconciler.loop.reconcile import resumed

    if common.rev or options["targets"] or options["excludes"] or options["heal"]:
        return None
    planned = resumed(world)
    if planned is not None:
        click.echo(resumed_line(planned.plan, planned.earlier), err=True)
    return planned


def _planned(common: Common, world: World, freshness: Freshness, options: dict[str, Any], stop: Stop) -> Planned:
    from reconciler.core.planning.plan import Scope
    from reconciler.loop.reconcile import Request, plan

    scope = Scope(options["targets"], options["excludes"], options["heal"])
    planned = plan(world, Request(common.rev, freshness, scope, aside=common.elsewhere), stop)
    if stop.asked:
        raise Stalled("stopped before anything was applied")
    return planned


def _check(world: World, planned: Planned, allowance: Allowance) -> None:
    """Raises Stalled for a plan that a limit refuses; it is kept, so that it can be approved."""
    from reconciler.core.explain.plan_text import refusal_text
    from reconciler.loop.reconcile import keep, refusals

    refused = refusals(world, planned, allowance)
    if refused:
        keep(world, planned)
        text = [line.text for refusal in refused for line in refusal_text(refusal)]
        hint = f"nothing was applied; once it is approved: reconciler apply --plan {planned.plan.digest[:8]}"
        raise Stalled("\n".join(text).removeprefix("refused: "), hint)


def _anything(planned: Planned, made: bool) -> bool:
    """Whether there is something to do, be it only to write down what is found in order."""
    verdicts = planned.assessment.verdicts
    recording = bool(planned.plan.releases) or any(verdict.equal for verdict, _ in verdicts)
    return bool(planned.plan.summary.changes) or (recording and not made)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Stalled("there is no terminal to ask on", "say --yes to apply without asking")
    click.echo()
    return click.prompt("Apply this plan? Only `yes` does", default="no", show_default=False, err=True) == "yes"


def _idle(common: Common, planned: Planned, made: bool) -> int:
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
            if made:
                click.echo(last_line(planned.plan))
    return 0


def _report(common: Common, world: World, run_id: int) -> int:
    from reconciler.cli import show
    from reconciler.core.explain.run_text import run_document, run_markdown, run_text

    run = world.store.run(run_id)
    if run is None:
        raise Stalled(f"run {run_id} is not in the store")
    back = [world.store.run(each.id) or each for each in world.store.runs_undoing(run_id)]
    match common.output:
        case "json":
            show.document(run_document(run, back))
        case "markdown":
            click.echo("\n\n".join("\n".join(run_markdown(each)) for each in (*back, run)))
        case "text":
            for each in (*back, run):
                click.echo()
                show.lines(run_text(each), color=common.color)
    return 0 if run.status == "succeeded" else 1
