"""Stores for tests on every backend: a new one each time, made quickly from one that is empty.

Must not know what is tested.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reconciler.adapters.store import SqlStore, open_postgresql, open_store
from tests.lab import postgres

Backend = Literal["sqlite", "postgresql"]
BACKENDS: tuple[Backend, ...] = ("sqlite", "postgresql")
_AT_EXIT = ExitStack()
atexit.register(_AT_EXIT.close)


@dataclass
class Place:
    """Where one store is: opens it again each time that it is called, as another process would."""

    backend: Backend
    address: str
    lease: float = 30.0
    opened: list[SqlStore] = field(default_factory=list)

    def __call__(self) -> SqlStore:
        made = (
            open_store(Path(self.address))
            if self.backend == "sqlite"
            else open_postgresql(self.address, "", self.lease)
        )
        self.opened.append(made)
        return made

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


@contextmanager
def place(backend: Backend, empty: bool = False) -> Iterator[Place]:
    """A store of its own, gone at the end; with `empty`, not even its tables are there."""
    with tempfile.TemporaryDirectory(dir=postgres.MEMORY) as folder:
        address = _sqlite(Path(folder), empty) if backend == "sqlite" else _postgresql(empty)
        here = Place(backend, address)
        try:
            yield here
        finally:
            here.close()
            if backend == "postgresql":
                server().drop(address)


def emptied(here: Place) -> None:
    """Puts an empty store into the place of one that nobody has open."""
    if here.backend == "postgresql":
        server().replace(here.address, _empty_database())
        return
    Path(f"{here.address}-journal").unlink(missing_ok=True)
    shutil.copy(_empty_file(), here.address)


@functools.cache
def server() -> postgres.Server:
    """One for this process, started when it is first needed."""
    return _AT_EXIT.enter_context(postgres.server())


def _sqlite(folder: Path, empty: bool) -> str:
    path = folder / "state.db"
    if not empty:
        shutil.copy(_empty_file(), path)
    return str(path)


def _postgresql(empty: bool) -> str:
    return server().database() if empty else server().copy(_empty_database())


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


@functools.cache
def _empty_file() -> Path:
    path = Path(_template().name) / "empty.db"
    open_store(path).close()
    return path


@functools.cache
def _empty_database() -> str:
    address = server().database()
    open_postgresql(address).close()
    return address
