"""`reconciler schema`: the JSON Schemas for editors and other programs, and the reference of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--out", type=click.Path(file_okay=False), help="Write each schema to a file in this folder.")
@click.option("--kinds-reference", type=click.Path(file_okay=False), help="Write a page for each kind to this folder.")
@click.option("--settings-reference", type=click.Path(dir_okay=False), help="Write the page of all settings here.")
@click.argument("name", required=False)
def command(out: str | None, kinds_reference: str | None, settings_reference: str | None, name: str | None) -> None:
    """Print a JSON Schema, or write all of them.

    Without --out prints the one called NAME (service, host, project, plan, observation …), or their names. For
    completion in an editor, put this first in a YAML file:

    \b
        # yaml-language-server: $schema=<folder>/any.schema.json
    """
    from reconciler.core.reference import reference
    from reconciler.core.schemas import generate
    from reconciler.kinds import builtin
    from reconciler.model.errors import Stalled

    registry = builtin()
    schemas = generate(registry)
    if kinds_reference:
        _write(Path(kinds_reference), {f"{page}.md": text for page, text in reference(registry).items()})
    if settings_reference:
        from reconciler.cli.settings_reference import settings_page

        _write(Path(settings_reference).parent, {Path(settings_reference).name: settings_page()})
    if out:
        _write(Path(out), {file: written(schema) for file, schema in schemas.items()})
    if out or kinds_reference or settings_reference:
        return
    if name is None:
        click.echo("\n".join(file.removesuffix(".schema.json") for file in sorted(schemas)))
        return
    found = schemas.get(f"{name.lower()}.schema.json")
    if found is None:
        raise Stalled(f"there is no schema {name!r}", "`reconciler schema` lists them")
    click.echo(written(found), nl=False)


def written(schema: Mapping[str, Any]) -> str:
    """A schema as it stands in its file."""
    import orjson

    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()


def _write(folder: Path, files: dict[str, str]) -> None:
    from reconciler.model.errors import Stalled

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stalled(f"{error.filename}: {error.strerror}", "choose a folder that you can write to") from None
