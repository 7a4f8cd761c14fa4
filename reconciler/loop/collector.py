"""Python's collector of cycles, kept out of the way of bulk work: what is read has no cycles, and looking for them
among a million new objects takes longer than reading. Must not know what is read.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is looked for meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def settled() -> None:
    """What is there now is there to stay and is not walked again. To be said seldom: cycles in it are never found."""
    gc.freeze()
