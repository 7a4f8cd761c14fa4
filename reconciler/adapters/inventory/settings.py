"""One source of hosts as the operator configured it, and whether its file may be used at all. Reads nothing of it."""

from __future__ import annotations

import stat
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from reconciler.core.inventories.ansible_listing import Mapped
from reconciler.core.inventories.size_check import Bounds
from reconciler.model.digest import digest
from reconciler.model.errors import Retry, Stalled

FORMAT = 1
"""Counts up when the same settings make other hosts of the same source than they did."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`memory` is the folder for what was last listed. `repository` is the folder that the state repository is in, if
    that is on this machine: nothing of it is used as a source. `timeout` is in seconds. `environment` are names of
    variables that a plugin gets to see, `collections` more folders with Ansible collections, `program` is
    ansible-inventory (empty: beside this Python, else on the PATH)."""

    name: str
    type: Literal["ansible", "json", "csv"]
    source: Path
    memory: Path
    repository: Path | None = None
    max_age: timedelta = timedelta(minutes=10)
    timeout: int = 900
    mapped: Mapped = field(default_factory=Mapped)
    allow_local: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    environment: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    program: str = ""

    def rules(self) -> str:
        """Digest of everything that makes hosts of what the source says."""
        return digest([FORMAT, self.type, str(self.source), asdict(self.mapped), self.allow_local])

    def file(self) -> Path:
        """The source, looked at. Raises Retry or Stalled when it can't or must not be used."""
        path = self.source.absolute()
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise Retry(f"{path}: {error.strerror}", "check the path and its permissions") from None
        if self.repository is not None and path.resolve().is_relative_to(self.repository):
            hint = "what is in Git is read as Host documents; keep sources of the operator elsewhere"
            raise Stalled(f"{path} lies in the state repository", hint)
        if mode & stat.S_IWOTH:
            raise Stalled(f"everybody can write {path}", f"chmod o-w {path}")
        return path
