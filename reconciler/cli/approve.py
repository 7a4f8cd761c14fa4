"""`reconciler approve`: somebody's word that one plan may run although a limit refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.apply import stored_plan
from reconciler.cli.options import Common, common, duration
from reconciler.cli.person import actor
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.core.gate import Refusal
    from reconciler.model.approval import Approval
    from reconciler.model.plan import Plan


@click.command()
@click.argument("digest")
@common
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with your name.")
@click.option("--expires", default="24h", show_default=True, metavar="AGE", help="How long it holds.")
def command(common: Common, digest: str, reason: str, expires: str) -> int:
    """Approve exactly one plan that a limit refuses, by its digest or the beginning of it.

    The plan is one that `reconciler plan`, `apply` or `pr plan` has shown; another plan has another digest and needs a
    word of its own. What hosts refuse themselves (another run, another machine) can't be approved. Go on with
    `apply --plan`; after a pull request, merge it and go on with `apply --expect`.
    """
    from reconciler.core.gate import Allowance
    from reconciler.core.planning.plan_json import read_plan
    from reconciler.core.proposing.effect import is_effect
    from reconciler.loop.reconcile import refusals, saved
    from reconciler.model.approval import Approval

    if not reason.strip():
        raise click.UsageError("--reason is empty")
    holds = duration(expires)
    with common.world() as world:
        plan = read_plan(world.store.plan(stored_plan(world.store, digest)) or b"")
        # What a pull request would do is for no commit yet: the gate says then what of it is still to be lifted.
        refused = [] if is_effect(plan) else refusals(world, saved(world, plan, plan.revision), Allowance())
        if not (refused or is_effect(plan)):
            message = f"no limit refuses plan {plan.digest[:8]}, or it is approved already"
            raise Stalled(message, f"go on: reconciler apply --plan {plan.digest[:8]}")
        now = world.clock.now()
        given = Approval(plan.digest, actor(), reason.strip(), now, now + holds)
        world.store.approve(given)
    _show(common, plan, given, refused)
    return 0


def _show(common: Common, plan: Plan, given: Approval, refused: list[Refusal]) -> None:
    from reconciler.cli import show
    from reconciler.core.explain.approval_text import approval_document, approval_markdown, approval_text

    match common.output:
        case "json":
            show.document(approval_document(given, refused))
        case "markdown":
            click.echo("\n".join(approval_markdown(plan, given, refused)))
        case "text":
            show.lines(approval_text(plan, given, refused), color=common.color)
