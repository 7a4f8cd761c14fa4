"""Python's collector of cycles, kept out of the way of bulk work: what is read has no cycles, and looking for them
among a million new objects takes longer than reading; while modules are loaded, too. Must not know what is read.
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
    """What is there now is there to stay and is not walked again: cycles in it are not found until it is `released`."""
    gc.freeze()


def released() -> None:
    """Whose it was has ended: what was there to stay goes, as far as nobody else has it."""
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
