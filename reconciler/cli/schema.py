"""`reconciler schema`: the JSON Schemas for editors and other programs, and what else is made from the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--out", type=click.Path(file_okay=False), help="Write each schema to a file in this folder.")
@click.option("--kinds-reference", type=click.Path(file_okay=False), help="Write a page for each kind to this folder.")
@click.option("--settings-reference", type=click.Path(dir_okay=False), help="Write the page of all settings here.")
@click.option(
    "--monitoring", type=click.Path(file_okay=False), help="Write dashboards and alert rules to folders in this one."
)
@click.option("--runbooks", metavar="ADDRESS", help="Where people find docs/runbooks.md; alerts link there.")
@click.argument("name", required=False)
def command(name: str | None, runbooks: str | None, **to: str | None) -> None:
    """Print a JSON Schema, or write all of them.

    Without --out prints the one called NAME (service, host, project, plan, observation …), or their names. For
    completion in an editor, put this first in a YAML file:

    \b
        # yaml-language-server: $schema=<folder>/any.schema.json
    """
    from reconciler.core.schemas import generate
    from reconciler.kinds import builtin
    from reconciler.model.errors import Stalled

    schemas = generate(builtin())
    if out := to["out"]:
        _write(Path(out), {file: written(schema) for file, schema in schemas.items()})
    _references(to, runbooks)
    if any(to.values()):
        return
    if name is None:
        click.echo("\n".join(file.removesuffix(".schema.json") for file in sorted(schemas)))
        return
    found = schemas.get(f"{name.lower()}.schema.json")
    if found is None:
        raise Stalled(f"there is no schema {name!r}", "`reconciler schema` lists them")
    click.echo(written(found), nl=False)


def _references(to: Mapping[str, str | None], runbooks: str | None) -> None:
    """What else is made from the code."""
    if folder := to["kinds_reference"]:
        from reconciler.core.reference import reference
        from reconciler.kinds import builtin

        _write(Path(folder), {f"{page}.md": text for page, text in reference(builtin()).items()})
    if file := to["settings_reference"]:
        from reconciler.cli.settings_reference import settings_page

        _write(Path(file).parent, {Path(file).name: settings_page()})
    if folder := to["monitoring"]:
        from reconciler.adapters.metrics.files import files

        _write(Path(folder), files(runbooks))


def written(schema: Mapping[str, Any]) -> str:
    """A schema as it stands in its file."""
    import orjson

    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()


def _write(folder: Path, files: dict[str, str]) -> None:
    from reconciler.model.errors import Stalled

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stalled(f"{error.filename}: {error.strerror}", "choose a folder that you can write to") from None
