"""`reconciler store`: backups, restoring, looking it over, and making it smaller."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled


@click.group()
def command() -> None:
    """Back up, restore, check and compact what is remembered."""


@command.command()
@click.argument("file", type=click.Path(dir_okay=False))
@common
def backup(common: Common, file: str) -> None:
    """Write everything into a new FILE, as of one moment; the store may be in use.

    The file is a store itself (SQLite), whichever database it came from.
    """
    from reconciler.bootstrap import open_store

    with open_store(common.settings) as store:
        store.backup(Path(file))
    click.echo(f"{file} is a backup of the store; check it: reconciler store check --store {file}")


@command.command()
@click.argument("file", type=click.Path(dir_okay=False))
@common
@click.option("--replace", is_flag=True, help="Also where the store has something in it, which is lost then.")
def restore(common: Common, file: str, replace: bool) -> None:
    """Put the backup FILE into the store, which may be on another database than it came from.

    Nobody may be applying. Epochs go on far above the backup's, so that hosts refuse whatever is still under way from
    before.
    """
    from reconciler.bootstrap import open_store

    with open_store(common.settings) as store:
        epoch = store.restore(Path(file), replace)
    click.echo(f"restored; epochs go on after {epoch:,}. Next: reconciler plan, which asks all hosts how they are")


@command.command()
@common
def check(common: Common) -> int:
    """Look the store over: its schema, what refers to what, and every value against its digest.

    Exit code 1 when something is wrong.
    """
    from reconciler.bootstrap import open_store
    from reconciler.cli import show
    from reconciler.core.words import Line, printable

    with open_store(common.settings) as store:
        found = store.problems()
    if common.output == "json":
        show.document({"format_version": 1, "problems": found})
    elif found:
        show.lines([Line(printable(line), "delete") for line in found], color=common.color)
        raise Stalled(
            f"{len(found)} things are wrong with the store", "restore a backup: reconciler store restore FILE"
        )
    else:
        click.echo("The store is sound.")
    return 1 if found else 0


@command.command()
@common
def compact(common: Common) -> None:
    """Forget runs that are older than history.keep, and values that nothing needs any more."""
    from datetime import UTC, datetime, timedelta

    from reconciler.bootstrap import open_store

    keep = common.settings.history.keep
    with open_store(common.settings) as store:
        runs = store.forget(datetime.now(UTC) - timedelta(seconds=keep)) if keep else 0
        values = store.compact()
    click.echo(f"{runs:,} runs and {values:,} values were forgotten.")
