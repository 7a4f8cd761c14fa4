"""Writes docs/cli.md, the reference of commands, from what the commands say of themselves. A test holds it fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.main import COMMANDS, app

HEAD = """\
# Commands

<!-- Made from the commands' own help by `make docs-cli`; don't edit. -->

Exit codes: 0 nothing to do or success, 1 error, 2 changes or drift present. Results go to stdout, errors and progress
to stderr.
"""


def page() -> str:
    """The help of every command, one after the other."""
    root = click.Context(app, info_name="reconciler", terminal_width=100)
    commands = [(name, app.get_command(root, name)) for name in COMMANDS]
    return "\n".join([HEAD, *(part for name, command in commands for part in _help(name, command, root))])


def _help(name: str, command: click.Command | None, parent: click.Context) -> Iterator[str]:
    assert command is not None, name
    context = click.Context(command, parent, name, terminal_width=100)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    for inner in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from _help(inner, command.get_command(context, inner), context)


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(page())
