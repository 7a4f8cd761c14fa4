"""The right to do something that only one may do at a time, as a store hands it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """`owner` names the holder for people. `epoch` counts up for ever in one store, over all purposes: hosts refuse a
    lower one than they have seen. Times are the database's; `expires_at` is None where the lease ends with its process.
    """

    purpose: str
    owner: str
    epoch: int
    since: datetime
    expires_at: datetime | None = None
