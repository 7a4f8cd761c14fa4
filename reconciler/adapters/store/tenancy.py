"""The two ways to hold a lease: as long as this process has a lock file (SQLite), or for a time (PostgreSQL)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Connection

from reconciler.adapters.store import leases, lock
from reconciler.adapters.store.tenure import Tenure, held, owner
from reconciler.model.errors import ReconcilerError

SECONDS: Final = 30.0
"""How long a lease lasts unless it is renewed, if nothing else is said."""

Claiming: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Begins a transaction for leases."""
Tenancy: TypeAlias = Callable[[Claiming, str], AbstractContextManager[Tenure]]
"""Holds the lease for a purpose. Raises Retry, saying who, while somebody else does."""


def by_file(store: Path) -> Tenancy:
    """Beside a store that is a file: whoever has the lock file has the lease, and the kernel knows when he dies."""

    @contextmanager
    def tenancy(claiming: Claiming, purpose: str) -> Iterator[Tenure]:
        with lock.exclusive(_lock_file(store, purpose), purpose):
            yield from _hold(claiming, purpose, None)

    return tenancy


def by_time(seconds: float) -> Tenancy:
    """By the database's clock: who dies is noticed when his lease ends."""

    @contextmanager
    def tenancy(claiming: Claiming, purpose: str) -> Iterator[Tenure]:
        yield from _hold(claiming, purpose, seconds)

    return tenancy


def _hold(claiming: Claiming, purpose: str, seconds: float | None) -> Iterator[Tenure]:
    asked = time.monotonic()
    with claiming() as connection:
        lease = leases.take(connection, purpose, owner(), seconds)

    def renew() -> bool:
        with claiming() as connection:
            return leases.renew(connection, lease, seconds or 0)

    try:
        with held(lease, asked, seconds, renew) as tenure:
            yield tenure
    finally:
        # What can't be given back now ends by itself.
        with contextlib.suppress(ReconcilerError), claiming() as connection:
            leases.give_back(connection, lease)


def _lock_file(store: Path, purpose: str) -> Path:
    # Earlier versions lock this file to apply.
    return store.with_name(f"{store.name}.lock" if purpose == "apply" else f"{store.name}.{purpose}.lock")
