"""`reconciler config check` and `reconciler config show`: the settings, and where they are wrong. Never a secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common
from reconciler.model.errors import Stalled

if TYPE_CHECKING:
    from reconciler.config import Settings


@click.group()
def command() -> None:
    """Check the settings, and show them."""


@command.command("check")
@common
def check(common: Common) -> int:
    """Check the settings as strictly as state: every setting exists and fits, every file that they name can be read.

    Contacts nobody. Exit code 0 when nothing is wrong, 1 otherwise.
    """
    from reconciler.bootstrap import webhook_secrets
    from reconciler.bootstrap.notifying import targets

    missing = [f"{name} {path}: {why}" for name, path in _files(common.settings) if (why := _unreadable(Path(path)))]
    if missing:
        raise Stalled("\n".join(missing), "check the paths and their permissions")
    webhook_secrets(common.settings)
    targets(common.settings)
    click.echo("The settings are fine.")
    return 0


@command.command("show")
@common
def show_(common: Common) -> None:
    """Show every setting as it is in force: from the command line, the environment, the file, or its default.

    Settings name the files of secrets, never secrets, so there is none to be shown.
    """
    from reconciler.cli import show

    values = common.settings.model_dump(mode="json")
    if common.output == "json":
        show.document({"format_version": 1, "settings": values})
        return
    for name, value in _flat("", values):
        click.echo(f"{name} = {_written(value)}")


def _flat(prefix: str, values: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _written(value: Any) -> str:
    import json

    from reconciler.core.words import printable

    return printable(json.dumps(value, ensure_ascii=False))


def _files(settings: Settings) -> list[tuple[str, str]]:
    """Settings that name a file which has to be there."""
    sections = {name: getattr(settings, name) for name in ("ssh", "git", "serve")}
    named = [
        (f"{section}.{name}", value)
        for section, model in sections.items()
        for name in type(model).model_fields
        if name.endswith("_file") and (value := getattr(model, name))
    ]
    named += [
        (f"notify {each.name} {name}", value)
        for each in settings.notify
        for name in ("url_file", "secret_file", "ca_file")
        if (value := getattr(each, name))
    ]
    # What a plugin of Ansible reads is its own business.
    return named + [(f"inventory {each.name}", each.source) for each in settings.inventory if each.type != "ansible"]


def _unreadable(path: Path) -> str:
    try:
        with path.expanduser().open("rb"):
            return ""
    except OSError as error:
        return error.strerror or str(error)
