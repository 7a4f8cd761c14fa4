"""Puts lines and documents on the terminal: colour where there is one, JSON as one document, progress on stderr."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from reconciler.core.explain.run_text import recovered_line
from reconciler.core.words import Line, Style, counted, printable
from reconciler.model.event import (
    Event,
    HealthFinished,
    HealthStarted,
    HostFinished,
    HostObserved,
    HostWorking,
    ObserveFinished,
    ObserveStarted,
    RolledBack,
    RolloutHalted,
    RunRecovered,
    RunStarted,
    StepFinished,
    StepStarted,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_STYLES: dict[Style, dict[str, Any]] = {
    "": {},
    "create": {"fg": "green"},
    "update": {"fg": "yellow"},
    "delete": {"fg": "red"},
    "restart": {"fg": "cyan"},
    "dim": {"dim": True},
    "bold": {"bold": True},
    "warn": {"fg": "yellow", "bold": True},
}


_NARROWEST = 60
"""Columns. Where there are fewer, wrapping by words reads worse than the terminal's own."""


def lines(text: Iterable[Line], *, color: bool) -> None:
    """Prints lines to stdout; on a terminal, what is too long for it goes on below, further in."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for line in text:
        for row in _rows(line.text, width):
            click.echo(click.style(row, **_STYLES[line.style]) if color and line.style else row, color=color)


def _rows(text: str, width: int) -> list[str]:
    if len(text) <= width or width < _NARROWEST:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return textwrap.wrap(
        text, width, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False, break_long_words=False
    )


def document(value: Any) -> None:
    """Prints one JSON document to stdout."""
    import orjson

    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


class Watch:
    """Shows progress on stderr: a moving bar on a terminal, a line for each finished step elsewhere."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._counts = {"done": 0, "failed": 0, "total": 0}
        self._early: dict[str, int] = {}
        self._changes = 0
        self._step = ""
        self._steps = (0, 0)

    def on(self, event: Event) -> None:
        """Hears what happens (a Listener)."""
        match event:
            case ObserveStarted(hosts):
                self._begin("observing", hosts)
            case HostObserved(reply):
                self._one(ok=reply.status == "done")
            case ObserveFinished():
                self._end(quiet=True)
            case RunRecovered():
                self._end(quiet=True)
                click.echo(recovered_line(event), err=True)
            case RunStarted(steps=steps):
                self._steps = (0, steps)
            case StepStarted(step, _, hosts):
                self._steps = (self._steps[0] + 1, self._steps[1])
                self._begin(f"{step}  step {self._steps[0]}/{self._steps[1]}", hosts)
            case HostWorking() | HostFinished():
                self._worked(event)
            case StepFinished():
                self._end(quiet=False)
            case HealthStarted() | HealthFinished() | RolloutHalted() | RolledBack():
                self._say(_news(event))
            case _:
                pass

    def _worked(self, event: HostWorking | HostFinished) -> None:
        """What a host told early is not counted again when it is done."""
        if isinstance(event, HostWorking):
            self._early[event.host] = self._early.get(event.host, 0) + len(event.outcomes)
            self._changed(len(event.outcomes))
            return
        done = sum(outcome.result in ("changed", "ok", "failed") for outcome in event.reply.outcomes)
        self._changed(done - self._early.pop(event.reply.host, 0))
        self._one(ok=event.reply.status == "done")

    def _begin(self, step: str, hosts: int) -> None:
        self._step, self._counts = step, {"done": 0, "failed": 0, "total": hosts}
        self._changes = 0
        if hosts and sys.stderr.isatty():
            self._bar = _bar(color=self._color)
            self._bar.start()
            self._task = self._bar.add_task(step, total=hosts, failed=0, changes="")

    def _one(self, *, ok: bool) -> None:
        self._counts["done" if ok else "failed"] += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, failed=self._counts["failed"])

    def _changed(self, count: int) -> None:
        """So many changes more, also on hosts that have others before them."""
        self._changes += count
        if self._bar is not None and self._task is not None and self._changes:
            self._bar.update(self._task, changes=f"   {self._changes:,} changes")

    def _end(self, *, quiet: bool) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if not quiet:
            click.echo(f"{self._step}  {self._tally()}", err=True)

    def _say(self, text: str) -> None:
        if text:
            click.echo(printable(text), err=True)

    def _tally(self) -> str:
        done, failed, total = (self._counts[name] for name in ("done", "failed", "total"))
        return f"{done:,}/{total:,} hosts  {failed:,} failed" if total else "left out: nothing it needs is ready"


def _news(event: Event) -> str:
    """What a rollout's event says beside its hosts."""
    match event:
        case HealthStarted(step, _, hosts, bake):
            return f"{step}  health of {counted(hosts, 'host')}" + (f", for {bake:g} s" if bake else "")
        case HealthFinished(step, _, unhealthy):
            return f"{step}  health " + (f"bad on {counted(unhealthy, 'host')}" if unhealthy else "ok")
        case RolloutHalted(_, reason):
            return reason
        case RolledBack(service, run, status, revision, hosts):
            return f"{service}  rollback of {counted(hosts, 'host')} to {revision[:7]} in run {run}: {status}"
        case _:
            return ""


def _bar(*, color: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("hosts{task.fields[changes]}   {task.fields[failed]} failed"),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True, no_color=not color),
        transient=True,
    )
