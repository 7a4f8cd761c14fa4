"""`reconciler pr comment`: says on the pull request itself what merging would change."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.adapters.forge import Surroundings
    from reconciler.config import Settings
    from reconciler.core.proposing.proposal import Proposal
    from reconciler.core.proposing.said import Said
    from reconciler.core.proposing.thread import Saying

TOKENS = ("GITHUB_TOKEN", "GITLAB_TOKEN")


@dataclass(frozen=True, slots=True)
class Target:
    """A pull request (0: nobody says which), by settings that lead to its forge. `link` is where to read more."""

    settings: Settings
    pull: int
    link: str


@click.command("comment")
@click.option("--base", metavar="REV", help="The branch or commit that is merged into. [default: as CI says]")
@click.option("--head", metavar="REV", help="The pull request's branch or commit. [default: as CI says]")
@click.option("--pull", type=click.IntRange(1), metavar="N", help="Its number. [default: as CI says]")
@click.option("--project", metavar="NAME", help="Only the services of this project, where each has a job of its own.")
@click.option("--snapshot", metavar="FILE", help="What is known of hosts, as `observe export` wrote it.")
@click.option("--no-store", is_flag=True, help="Compare two states of Git; nothing is known of hosts.")
@click.option("--forge", type=click.Choice(["github", "gitlab"]), help="[default: forge.type, or as CI says]")
@click.option("--repository", metavar="NAME", help="OWNER/NAME, or GitLab's project. [default: as CI says]")
@click.option("--link", metavar="URL", help="Where the commit's status leads. [default: this job]")
@click.option("--forks", is_flag=True, help="Write on pull requests from forks too, if the token may.")
@click.option("--dry-run", is_flag=True, help="Show it, and write nothing.")
@common
def comment(common: Common, project: str | None, **options: Any) -> int:
    """Say on a pull request what merging it would change: a comment for each project, a commit status, a label.

    In a job of GitHub Actions or GitLab CI for a pull request everything is known; options win. The token comes from
    GITHUB_TOKEN or GITLAB_TOKEN, or from the file that forge.token_file names. Comments that are there are edited, and
    nothing is written when nothing changed. A pull request from a fork is only shown, unless --forks is given. Exit
    code 0 when it is said, also when the plan would be refused: the status tells that.
    """
    from reconciler.adapters.forge import surroundings
    from reconciler.bootstrap import open_forge
    from reconciler.cli.pr import proposed
    from reconciler.core.proposing.said import FORK, OVERTAKEN
    from reconciler.loop.announce import Place, announce

    tokens = {name: os.environ.pop(name, "") for name in TOKENS}  # programs that we start don't need them
    around = surroundings(os.environ, lambda path: Path(path).read_bytes())
    target = _target(common, around, options)
    proposal = proposed(common, *_commits(around, options), options)
    saying = _saying(common, proposal, project)
    if options["dry_run"] or (around.fork and not options["forks"]):
        return _show(common, target.pull, (saying, None, "" if options["dry_run"] else FORK))
    if not target.pull:
        raise Stalled("nothing here tells which pull request it is", "give --pull, or --dry-run to only see it")
    with open_forge(target.settings, tokens) as forge:
        place = Place(target.pull, proposal.head.sha, target.link, target.settings.forge.label)
        said = announce(forge, place, saying)
    return _show(common, target.pull, (saying, said, OVERTAKEN if said.overtaken else ""))


def _commits(around: Surroundings, options: Mapping[str, Any]) -> tuple[str, str]:
    base, head = options["base"] or around.base, options["head"] or around.head
    if not base or not head:
        missing = "--base" if not base else "--head"
        raise click.UsageError(f"{missing} is missing, and nothing here tells it.")
    return base, head


def _target(common: Common, around: Surroundings, options: Mapping[str, Any]) -> Target:
    """By options, then settings, then what CI says, if it speaks of the same forge."""
    given = {"type": options["forge"], "repository": options["repository"]}
    kind = options["forge"] or common.settings.forge.type or around.forge
    if kind == around.forge and kind is not None:
        said = {"type": kind, "repository": around.repository, "api_url": around.api_url}
        given = {name: given.get(name) or getattr(common.settings.forge, name) or value for name, value in said.items()}
    settings = common.again(forge={name: value for name, value in given.items() if value})
    return Target(settings, options["pull"] or around.pull, options["link"] or around.run)


def _saying(common: Common, proposal: Proposal, project: str | None) -> Saying:
    from reconciler.core.explain.pr_comment import pr_comment
    from reconciler.core.proposing.subjects import subjects
    from reconciler.core.proposing.thread import Notice, Saying

    projects = subjects(proposal) if project is None else (project,)
    notices = tuple(Notice(each, pr_comment(proposal, each)) for each in projects)
    return Saying(common.settings.path.strip("/"), notices, whole=project is None)


def _show(common: Common, pull: int, outcome: tuple[Saying, Said | None, str]) -> int:
    from reconciler.cli import show
    from reconciler.core.proposing.said import said_document, said_text

    saying, _, note = outcome
    match common.output:
        case "json":
            show.document(said_document(pull, *outcome))
        case "markdown":
            click.echo("\n".join(notice.comment.markdown for notice in saying.notices), nl=False)
            if note:
                click.echo(note, err=True)
        case "text":
            show.lines(said_text(*outcome), color=common.color)
    return 0
