"""`reconciler pr`: pull requests: what merging would change."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common
from reconciler.cli.pr_comment import comment as say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.proposing.proposal import Basis, Proposal


@click.group()
def command() -> None:
    """Show what merging a pull request would change, and say it there."""


command.add_command(say)


@command.command("plan")
@click.option("--base", required=True, metavar="REV", help="The branch or commit that is merged into.")
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="The pull request's branch or commit.")
@click.option("--project", metavar="NAME", help="Only the services of this project; an empty name: those of none.")
@click.option("--snapshot", metavar="FILE", help="What is known of hosts, as `observe export` wrote it.")
@click.option("--no-store", is_flag=True, help="Compare two states of Git; nothing is known of hosts.")
@click.option("--out", type=click.Path(dir_okay=False), help="Write the effect to a file, for `apply --expect FILE`.")
@common
def plan(common: Common, base: str, head: str, project: str | None, **options: Any) -> int:
    """Show what merging a pull request would change, on top of what is pending on its base.

    From Git and what is known of hosts already: no host is asked, no credential is needed, and nothing of the
    repository is run. Exit code 0 when nothing would change, 2 when something would, 1 when the gate would refuse it
    or documents have new problems.
    """
    from reconciler.cli import show
    from reconciler.core.explain.pr_comment import pr_comment

    proposal = proposed(common, base, head, options)
    comment = pr_comment(proposal, project)
    match common.output:
        case "json":
            from reconciler.core.explain.pr_json import pr_document

            show.document(pr_document(proposal))
        case "markdown":
            click.echo(comment.markdown, nl=False)
        case "text":
            from reconciler.core.explain.pr_text import pr_text

            show.lines(pr_text(proposal, project), color=common.color)
    if options["out"]:
        _write(options["out"], proposal)
    return 1 if comment.fails else 2 if comment.changes else 0


def proposed(common: Common, base: str, head: str, options: Mapping[str, Any]) -> Proposal:
    """What merging would change, by what is known of hosts: the store, a `snapshot`; where there is no store, or with
    `no_store`, nothing."""
    from dataclasses import replace

    from reconciler.bootstrap import has_store, open_bearings
    from reconciler.loop.propose import keep, propose

    snapshot, without = options["snapshot"], options["no_store"]
    if snapshot and without:
        raise click.UsageError("--snapshot and --no-store exclude each other")
    # A CI job's own store would be empty: then every host would be unknown, and nothing would seem to change.
    without = without or not (snapshot or has_store(common.settings))
    basis: Basis = "snapshot" if snapshot else "none" if without else "store"
    with open_bearings(common.settings, basis, snapshot or "") as bearings:
        proposal = propose(bearings, base, head)
        keep(bearings, proposal)
    known = ["--snapshot", snapshot] if snapshot else ["--no-store"] if without else []
    command = ["pr", "plan", "--base", proposal.base.sha[:12], "--head", proposal.head.sha[:12], *known]
    return replace(proposal, command=shlex.join(["reconciler", *command]))


def _write(out: str, proposal: Proposal) -> None:
    from reconciler.core.planning.plan_json import plan_bytes
    from reconciler.core.proposing.effect import effect_of

    Path(out).write_bytes(plan_bytes(effect_of(proposal.plan)))
