"""`reconciler observe`: asks the hosts and remembers what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Common, common, observing

if TYPE_CHECKING:
    from reconciler.loop.observe import Freshness


@click.group(invoke_without_command=True)
@common
@observing
def command(common: Common, freshness: Freshness) -> int:
    """Ask the hosts how they are, and remember it. Changes nothing on them."""
    from reconciler.cli import show
    from reconciler.core.explain.markdown import cell
    from reconciler.core.words import Line, counted, printable
    from reconciler.loop.desire import read_desired
    from reconciler.loop.observe import observe
    from reconciler.loop.orders import orders

    if click.get_current_context().invoked_subcommand:
        return 0
    with common.world((show.Watch(color=common.color),)) as world:
        read = read_desired(world.reading, common.rev, orders(world).pins, refresh=freshness.max_age is not None)
        observe(world, read.desired, freshness, lambda: False)
        known = world.store.observations()
    ours = {host: seen for host, seen in known.items() if host in read.desired.hosts}
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


@command.command("export")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="The file.")
@common
def export(common: Common, out: str) -> int:
    """Write what is known of hosts to a signed file, for `pr plan --snapshot`.

    Asks no host. Holds what they said when they were last asked, and what is on record as ours there; no secret. Needs
    the setting snapshot.private_key_file; who reads it needs the public key only.
    """
    from pathlib import Path

    from reconciler.adapters.snapshot import write
    from reconciler.bootstrap import open_store, taken_now
    from reconciler.cli import show
    from reconciler.core.explain.markdown import cell
    from reconciler.core.observing.snapshot import snapshot_bytes
    from reconciler.core.words import ago, counted

    with open_store(common.settings) as store:
        contents = taken_now(store, common.settings)
    size = write(Path(out), snapshot_bytes(contents), common.settings.snapshot.private_key_file)
    seen = [each for each in contents.observations.values() if each.observed_at]
    silent = sum(bool(each.unreachable) for each in contents.observations.values())
    oldest = min((each.observed_at for each in seen if each.observed_at), default=None)
    age = ago(oldest, contents.taken_at)
    said = f"{counted(len(contents.heads), 'host')}, {silent:,} of them did not answer; oldest {age}"
    match common.output:
        case "json":
            show.document({"format_version": 1, "hosts": len(contents.heads), "unreachable": silent, "bytes": size})
        case "markdown":
            click.echo(f"**{cell(said)}**")
        case "text":
            click.echo(f"{click.format_filename(out)}: {said}; {size:,} bytes")
    return 0
