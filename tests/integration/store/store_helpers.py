"""What the tests of the SQLite store share: small values, other processes, and what people do to a file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.adapters.store import SqlStore, open_store
from reconciler.core.planning.plan_json import sealed
from reconciler.model.errors import Stalled
from reconciler.model.key import Key
from reconciler.model.observation import Fact, Observation, Owned, Ownership
from reconciler.model.plan import Plan, Summary
from reconciler.model.run import Run

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MOTD = Key("file", "/etc/motd")
ROOT = Path(__file__).parents[3]


def seen(host: str, mode: str = "0644", asked_at: datetime = NOW) -> Observation:
    return Observation(host, NOW, asked_at, "m", mode, {MOTD: Fact("q", {"mode": mode, "pad": mode * 200}, mode)})


@contextmanager
def opened(path: Path) -> Iterator[SqlStore]:
    store = open_store(path)
    try:
        yield store
    finally:
        store.close()


def change(path: Path, statement: str) -> None:
    """What somebody does to the file with another tool."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def refusal(path: Path) -> Stalled:
    with pytest.raises(Stalled) as stalled:
        open_store(path).observations()
    assert stalled.value.hint
    assert "Traceback" not in stalled.value.message
    return stalled.value


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=60)


def owns(host: str) -> Ownership:
    return Ownership(host, "hosts.yaml", {MOTD: Owned(MOTD, "base", True, "d", "f", "r", 1, NOW, "base.yaml")})


def planned(revision: str = "r") -> Plan:
    return sealed(Plan(revision, "fp", None, 1, 1, (), {}, (), (), Summary()))


def begun(store: SqlStore) -> Run:
    """A run whose lease is over already."""
    with store.hold("apply") as held:
        return store.begin_run(planned(), "ada", NOW, held.epoch)
