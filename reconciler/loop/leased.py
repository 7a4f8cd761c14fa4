"""Working under a lease: nothing new is begun when it fades, and what was begun is ended before it is over."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.errors import Stalled
from reconciler.ports import Held


class LeaseOver(Stalled):
    """The lease can't be relied upon any more: another process may have it soon."""

    def __init__(self) -> None:
        super().__init__(
            "the store could not be reached for too long, so this run ended itself before another could begin",
            "apply again when the store can be reached; hosts that are in doubt are asked first",
        )


def watched(held: Held, stopping: Callable[[], bool]) -> Callable[[], bool]:
    """`stopping` that also answers true while the lease fades, and raises LeaseOver when it is over."""

    def stop() -> bool:
        if held.over():
            raise LeaseOver
        return held.fading() or stopping()

    return stop
