"""Inventories told to people and programs: how many hosts each gives, how old that is, what is held and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from reconciler.core import instant
from reconciler.core.explain.excerpt import Excerpts
from reconciler.core.explain.problems import problem_documents, problem_text
from reconciler.core.words import Line, ago, counted
from reconciler.model.inventory import Listing, OnHold


def inventory_text(listings: Sequence[Listing], now: datetime) -> Iterator[Line]:
    """A line for each source, then what is wrong."""
    if not listings:
        yield Line("No inventory is configured; all hosts are Host documents. See docs/inventory.md.")
        return
    width = max(len(listing.source) for listing in listings)
    for listing in listings:
        yield Line(f"{listing.source:<{width}}  {_state(listing, now)}", "warn" if listing.held else "")
    for listing in listings:
        for problem in listing.problems:
            yield Line("")
            yield from problem_text(problem, Excerpts(lambda _: ()))


def inventory_markdown(listings: Sequence[Listing], now: datetime) -> Iterator[str]:
    """The same as a table."""
    from reconciler.core.explain.markdown import cell

    yield "| inventory | in use | wrong |"
    yield "| --- | --- | --- |"
    for listing in listings:
        wrong = "; ".join(cell(problem.message) for problem in listing.problems)
        yield f"| {cell(listing.source)} | {_state(listing, now)} | {wrong} |"


def inventory_document(listings: Sequence[Listing]) -> dict[str, Any]:
    """The same as JSON values."""
    return {"format_version": 1, "inventories": [_document(listing) for listing in listings]}


def _state(listing: Listing, now: datetime) -> str:
    state = f"{counted(len(listing.hosts), 'host')}, read {ago(listing.read_at, now)}"
    if listing.held is None:
        return state
    return f"{state}; held: {listing.held.delta.after:,} now, read {ago(listing.held.read_at, now)}"


def _document(listing: Listing) -> dict[str, Any]:
    return {
        "name": listing.source,
        "hosts": len(listing.hosts),
        "read_at": instant.to_text(listing.read_at) if listing.read_at else None,
        "whole": listing.whole,
        "held": _held(listing.held) if listing.held else None,
        "problems": problem_documents(listing.problems),
    }


def _held(held: OnHold) -> dict[str, Any]:
    delta = held.delta
    return {
        "reason": held.reason,
        "read_at": instant.to_text(held.read_at),
        "hosts": delta.after,
        "lost": delta.lost,
        "gained": delta.gained,
        "moved": delta.moved,
    }
