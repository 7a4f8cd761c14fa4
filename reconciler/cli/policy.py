"""`reconciler policy`: rules that plans are judged by, tried with cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Common, common

if TYPE_CHECKING:
    from reconciler.core.gate.policy_cases import Case, Tried


@click.group()
def command() -> None:
    """Try policies with made-up changes."""


@command.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@common
def test(common: Common, files: tuple[str, ...]) -> int:
    """Ask the policies of the repository about the cases in FILES, and compare.

    A file has `cases:`, each with a name, a policy, what it `expect`s (deny, warn, pass, error), and what of change,
    service, plan and labels matters. Contacts no host. Exit code 0 when all is as expected, 1 otherwise.
    """
    from reconciler.bootstrap import open_reading
    from reconciler.cli import show
    from reconciler.core.explain.policy_text import tried_document, tried_markdown, tried_text
    from reconciler.core.gate.policy_cases import tried
    from reconciler.loop.desire import read_desired

    cases = {file: _cases(common, file) for file in files}
    documents = read_desired(open_reading(common.settings), common.rev).documents
    results: dict[str, list[Tried]] = {file: tried(some, documents.policies) for file, some in cases.items()}
    match common.output:
        case "json":
            show.document(tried_document(results))
        case "markdown":
            click.echo("\n".join(tried_markdown(results)))
        case "text":
            show.lines(tried_text(results), color=common.color)
    return 1 if any(each.why for some in results.values() for each in some) else 0


def _cases(common: Common, file: str) -> tuple[Case, ...]:
    """The cases of a file. Says all that is wrong with it, and leaves with exit code 1, if anything is."""
    from reconciler.cli import show
    from reconciler.core.explain.problems import problems_text
    from reconciler.core.gate.policy_cases import read_cases
    from reconciler.model.errors import Stalled

    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise Stalled(f"{file}: {error.strerror}", "give files with cases") from None
    cases, problems = read_cases(file, data)
    if problems:
        show.lines(problems_text(problems, 1, lambda _: data.decode(errors="replace").splitlines()), color=common.color)
        raise click.exceptions.Exit(1)
    return cases
