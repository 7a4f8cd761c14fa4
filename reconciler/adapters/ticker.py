"""Ticks from APScheduler: it knows when, and nothing else. A tick that is lost, late or doubled has no effect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from reconciler.ports import Tick

SCHEDULE = "beat"


@contextmanager
def ticking(every: timedelta, put: Callable[[Tick], None]) -> Iterator[None]:
    """Puts a tick at every interval, until the end of the block. Its time is the interval's start, so that all daemons
    of one store name it alike."""
    from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]  # it has no types

    # What it logs are its own affairs; what matters is told by the loop.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    scheduler = BackgroundScheduler(timezone=UTC)
    seconds = every.total_seconds()
    scheduler.add_job(
        lambda: put(Tick(SCHEDULE, slot(datetime.now(UTC), every))),
        "interval",
        seconds=seconds,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


def slot(now: datetime, every: timedelta) -> datetime:
    """The start of the interval that a time is in."""
    seconds = every.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
