"""`reconciler validate`: every problem of the repository at once, without asking any host."""

from __future__ import annotations

import click

from reconciler.cli.options import Common, common


@click.command()
@common
def command(common: Common) -> int:
    """Check every document of the state repository.

    Shows all problems at once, each with file, line, column and what to do. Contacts no host and needs no
    credential. Exit code 0 when nothing is wrong, 1 otherwise.
    """
    from reconciler.bootstrap import open_reading
    from reconciler.cli import show
    from reconciler.core.explain.problems import problem_documents, problems_markdown, problems_text
    from reconciler.loop.desire import lines_of, read_desired
    from reconciler.model.problem import errors

    reading = open_reading(common.settings)
    read = read_desired(reading, common.rev)
    problems, count = read.desired.problems, read.documents.count
    refused = len({problem.place.path for problem in read.tree.problems})  # nobody knows what documents are in there
    match common.output:
        case "json":
            show.document({"format_version": 1, "documents": count, "problems": problem_documents(problems)})
        case "markdown":
            click.echo("\n".join(problems_markdown(problems, count + refused)))
        case "text":
            show.lines(problems_text(problems, count + refused, lines_of(reading, read)), color=common.color)
    return 1 if errors(problems) else 0
