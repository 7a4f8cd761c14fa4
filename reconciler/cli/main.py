"""The `reconciler` command. Loads only the module of the command that is asked for, and turns errors into words.

Exit codes: 0 nothing to do or success, 1 error, 2 changes or drift present.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from reconciler import __version__

COMMANDS = {
    "init": "Write a first state repository to start from.",
    "validate": "Check every document of the repository.",
    "plan": "Show what would change on the hosts, and why.",
    "apply": "Make the hosts as Git says: a saved plan, or a new one after asking.",
    "approve": "Approve one plan that a limit refuses, with a reason.",
    "inventory": "Show the hosts that come from outside of Git, and accept what is held.",
    "observe": "Ask the hosts how they are, and remember it.",
    "drift": "Show what was changed on the hosts themselves, and report it over time.",
    "pr": "Show on pull requests what merging would change.",
    "policy": "Try policies with made-up changes.",
    "why": "Explain one resource of one host: who asks for it, what is seen, what it waits for.",
    "serve": "Keep the hosts as Git says: watch Git and hosts, and apply what may be applied by itself.",
    "status": "Show how things stand, on one screen: what runs, what waits and why, what is near its limit.",
    "pause": "Stop everything that changes hosts, at the next safe point. Needs no database.",
    "resume": "Go on after a pause.",
    "freeze": "Keep services from being changed, for a time or until unfreeze.",
    "unfreeze": "End a freeze that was ordered by freeze.",
    "pin": "Keep a service at a revision for a time, whatever Git says now.",
    "unpin": "Let a service go on to what Git says now.",
    "runs": "Show what was applied, when, and how it went.",
    "notify": "Show who is told what happens, and what waits to be told.",
    "config": "Check the settings, and show them.",
    "store": "Back up, restore, check and compact what is remembered.",
    "schema": "Write the JSON Schemas for editors, and the reference of kinds.",
    "demo": "See all of it at work on made-up hosts, on this computer only.",
}


class _Lazy(click.Group):
    """Finds commands in `reconciler.cli.<name>`, so that one command does not load what another needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table above: help must not load every command.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f'{error.format_message()} Did you mean "{near[0]}"?', error.ctx) from None


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `reconciler demo`, or with `reconciler init` and your own machines. Every command has --help. "
    "Exit codes: 0 nothing to do or success, 1 error, 2 changes or drift present. "
    'Completion in bash: eval "$(_RECONCILER_COMPLETE=bash_source reconciler)"; also zsh_source and fish_source.',
)
@click.version_option(__version__, message="reconciler %(version)s")
def app() -> None:
    """GitOps for fleets of machines: desired state in Git, a plan you can read, guarded applies, drift told apart."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; answers the exit code. What is expected to go wrong is said on stderr in words."""
    from reconciler.model.errors import ReconcilerError

    try:
        result = app.main(args=arguments, prog_name="reconciler", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return _fail("stopped", "")
    except click.UsageError as error:
        usage = error.ctx.get_usage() if error.ctx else ""
        return _fail(error.format_message(), f"{usage}\nmore: {error.ctx.command_path} --help" if error.ctx else "")
    except click.ClickException as error:
        return _fail(error.format_message(), "")
    except ReconcilerError as error:
        return _fail(error.message, error.hint)
    except KeyboardInterrupt:
        return _fail("stopped", "")
    except OSError as error:
        return _not_done(error)
    return result if isinstance(result, int) else 0


def _not_done(error: OSError) -> int:
    """A file that can't be written, a full disk under our own output: named, like everything that people can mend."""
    if isinstance(error, BrokenPipeError) or not error.filename:
        # Our reader has gone (`| head`), or has no room: what is still in the buffer must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    if os.environ.get("RECONCILER_DEBUG"):
        raise error
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return _fail(f"{where}{error.strerror or error}", "RECONCILER_DEBUG=1 shows where this came from")


def _fail(message: str, hint: str) -> int:
    click.echo(f"error: {message}", err=True)
    for line in hint.splitlines():
        click.echo(f"  {line}", err=True)
    return 1
