"""`reconciler observe`: asks the hosts and remembers what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common, observing

if TYPE_CHECKING:
    from reconciler.loop.observe import Freshness


@click.command()
@common
@observing
@click.option("--export", type=click.Path(dir_okay=False), help="Write what is known to a file, without secrets.")
def command(common: Common, freshness: Freshness, export: str | None) -> int:
    """Ask the hosts how they are, and remember it. Changes nothing on them."""
    from pathlib import Path

    from reconciler.cli import show
    from reconciler.core.explain.markdown import cell
    from reconciler.core.observing.observation_json import observation_bytes
    from reconciler.core.words import Line, counted, printable
    from reconciler.loop.desire import read_desired
    from reconciler.loop.observe import observe
    from reconciler.loop.orders import orders

    with common.world((show.Watch(color=common.color),)) as world:
        read = read_desired(world.reading, common.rev, orders(world).pins, refresh=freshness.max_age is not None)
        observe(world, read.desired, freshness, lambda: False)
        known = world.store.observations()
    ours = {host: seen for host, seen in known.items() if host in read.desired.hosts}
    if export:
        Path(export).write_bytes(observation_bytes(ours.values()))
    reachable = {host: seen for host, seen in ours.items() if not seen.unreachable}
    summary: dict[str, Any] = {
        "format_version": 1,
        "hosts": len(read.desired.hosts),
        "answered": len(reachable),
        "unreachable": {host: seen.unreachable for host, seen in sorted(ours.items()) if seen.unreachable},
    }
    verdict = f"{summary['answered']:,} of {counted(summary['hosts'], 'host')} answered."
    match common.output:
        case "json":
            show.document(summary)
        case "markdown":
            items = [f"- {cell(host)}: {cell(why)}" for host, why in summary["unreachable"].items()]
            click.echo("\n".join([f"**{verdict}**", "", *items]))
        case "text":
            silent = [Line(f"{host}: {printable(why)}", "warn") for host, why in summary["unreachable"].items()]
            show.lines([*silent, Line(verdict, "bold")], color=common.color)
    return 0
