"""Options that commands share, and the settings and world that come of them."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from reconciler.config import Settings
    from reconciler.loop.observe import Freshness
    from reconciler.loop.world import World
    from reconciler.ports import Listener

Output = Literal["text", "json", "markdown", "csv", "html"]
F = TypeVar("F", bound=Callable[..., Any])

_COMMON = (
    click.option("--repo", metavar="PATH|URL", help="The state repository. [default: the current directory]"),
    click.option("--rev", metavar="REV", help="A branch, tag or commit. [default: the default branch]"),
    click.option("--path", metavar="DIR", help="The folder of the repository with the documents."),
    click.option(
        "--store",
        metavar="FILE|URL",
        help="The store: a file, or postgresql://… [default: a file for each repository, in your state directory]",
    ),
    click.option("--config", metavar="FILE", help="The settings. [default: reconciler.toml, if there is one]"),
    click.option("--no-color", is_flag=True, help="Plain text. Also when NO_COLOR is set or there is no terminal."),
)
_OBSERVING = (
    click.option("--no-observe", is_flag=True, help="Ask no host; use what the store knows."),
    click.option("--max-age", metavar="AGE", help="Ask only hosts whose answers are older: 90s, 10m, 2h."),
)


@dataclass(frozen=True, slots=True)
class Common:
    """The shared options as given."""

    settings: Settings
    output: Output
    color: bool
    elsewhere: bool
    """Another revision than the usual one was asked for."""
    again: Callable[..., Settings]
    """Reads the settings once more; names of sections give options that are stronger than the file."""

    @contextmanager
    def world(self, listeners: tuple[Listener, ...] = ()) -> Iterator[World]:
        """Everything wired together, closed at the end."""
        from reconciler.bootstrap import open_world

        with open_world(self.settings, listeners) as world:
            yield world

    @property
    def rev(self) -> str | None:
        return self.settings.rev or None


def common(function: F) -> F:
    """Gives a command the shared options, as its first argument."""
    return common_with("text", "json", "markdown")(function)


def common_with(*outputs: Output) -> Callable[[F], F]:
    """As `common`, for a command that has other outputs. The first is what it gives unless told otherwise."""
    form = click.option("--output", type=click.Choice(outputs), default=outputs[0], show_default=True)

    def decorated(function: F) -> F:
        @functools.wraps(function)
        def command(**options: Any) -> Any:
            from reconciler.config import load_settings

            given = {name: options.pop(name) for name in ("repo", "rev", "path", "store")}
            again = functools.partial(load_settings, options.pop("config"), os.environ, given)
            plain = options.pop("no_color") or bool(os.environ.get("NO_COLOR"))
            output, color = options.pop("output"), not plain and sys.stdout.isatty()
            return function(Common(again(), output, color, given["rev"] is not None, again), **options)

        result: F = _with((*_COMMON[:-1], form, _COMMON[-1]), command)
        return result

    return decorated


def observing(function: F) -> F:
    """Gives a command `--no-observe` and `--max-age`, as the argument `freshness`."""

    @functools.wraps(function)
    def command(*arguments: Any, **options: Any) -> Any:
        freshness = _freshness(options.pop("no_observe"), options.pop("max_age"))
        return function(*arguments, freshness=freshness, **options)

    result: F = _with(_OBSERVING, command)
    return result


def _with(options: Iterable[Callable[[Any], Any]], command: Any) -> Any:
    """The command with more options, after its own: help shows first what only this command has."""
    own = command.__dict__.pop("__click_params__", [])
    for option in reversed(tuple(options)):
        command = option(command)
    command.__click_params__.extend(own)
    return command


def _freshness(no_observe: bool, max_age: str | None) -> Freshness:
    from reconciler.loop.observe import Freshness

    if no_observe and max_age:
        raise click.UsageError("--no-observe and --max-age exclude each other")
    return Freshness(None if no_observe else duration(max_age) if max_age else timedelta(0))


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h`, `1d`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if text[:-1].isdigit() and text[-1] in units:
        return timedelta(seconds=int(text[:-1]) * units[text[-1]])
    raise click.UsageError(f"{text!r} is no duration; write 90s, 10m, 2h or 1d")


@dataclass(slots=True)
class Stop:
    """Asks to stop at the next safe point; said once by Ctrl-C, a second one leaves at once."""

    asked: bool = False
    notice: Callable[[str], None] = field(default=lambda text: click.echo(text, err=True))

    def __call__(self) -> bool:
        return self.asked

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """Takes Ctrl-C and termination as a request to stop, until the end of the block."""
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self.notice("stopping at a safe point: hosts already begun are finished (once more: leave at once)")
