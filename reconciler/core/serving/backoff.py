"""How long to wait before something is tried again: longer each time, up to a limit, and never all at once.

Must not know what is tried, nor draw chance: it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """The first wait, what each further one is multiplied with, and the longest (before `spread` is added).

    `spread` is the share of a wait that chance may add, so that what failed together is not tried together.
    """

    first: timedelta = timedelta(seconds=2)
    factor: float = 3.0
    longest: timedelta = timedelta(seconds=300)
    spread: float = 0.2

    def after(self, tries: int, chance: float) -> timedelta:
        """The wait after so many tries (from 1). `chance` is in [0, 1)."""
        # Beyond this the longest has long been reached; a large power would overflow.
        wait = min(self.longest, self.first * self.factor ** min(tries - 1, 16))
        return wait * (1 + self.spread * chance)


def spread(interval: timedelta, share: float, chance: float) -> timedelta:
    """An interval, shorter or longer by up to the share of it: what is done at every interval drifts apart."""
    return interval * (1 + share * (2 * chance - 1))
