"""What a source last listed, in a file: the reading in use and the one on hold survive restarts.

Compact, since it is read for every plan: labels and vars that hosts share stand in it once. Vars may be secret, so
only the owner can read it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from reconciler.core import instant
from reconciler.model.desired import Host
from reconciler.model.errors import Stalled
from reconciler.model.inventory import Admitted, Snapshot, place_of
from reconciler.model.problem import Problem

VERSION = 1


class Memory:
    """One file. Reads it again only when it has changed."""

    def __init__(self, file: Path, source: str) -> None:
        self.file = file
        self._source = source
        self._loaded: tuple[Any, Snapshot] | None = None

    def load(self) -> Snapshot | None:
        """None: nothing is remembered. Raises Stalled when what is there can't be read."""
        try:
            found = self.file.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if self._loaded is None or self._loaded[0] != mark:
                self._loaded = (mark, _snapshot(orjson.loads(self.file.read_bytes()), self._source))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Stalled(f"{self.file}: {error.strerror}", "check its permissions") from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            hint = "`reconciler inventory accept` reads the source again and takes what it lists"
            raise Stalled(f"{self.file} can't be read: it does not hold what was written", hint) from None
        return self._loaded[1]

    def save(self, snapshot: Snapshot) -> None:
        """Replaces what is remembered: all of it, or nothing. Raises Stalled."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self.file, orjson.dumps(_plain(snapshot)))
        except OSError as error:
            raise Stalled(f"{self.file}: {error.strerror}", "check its folder's permissions and room") from None

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self.file.unlink()


def _replace(file: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    labels, variables = _Table(), _Table()
    return {
        "version": VERSION,
        "read_at": instant.to_text(snapshot.read_at),
        "rules": snapshot.rules,
        "left_out": snapshot.admitted.left_out,
        "problems": [[p.reason, p.message, p.document, p.hint] for p in snapshot.admitted.problems],
        "hosts": [
            [h.name, labels(h.labels), h.address, h.port, h.user, h.connection, h.become, h.root, variables(h.vars)]
            for h in snapshot.admitted.hosts.values()
        ],
        "labels": labels.values,
        "vars": variables.values,
    }


class _Table:
    """Numbers objects: hosts share them, so identity is enough."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.values: list[Mapping[str, Any]] = []

    def __call__(self, value: Mapping[str, Any]) -> int:
        number = self._numbers.setdefault(id(value), len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def _snapshot(told: Any, source: str) -> Snapshot:
    if told["version"] != VERSION:
        raise ValueError(told["version"])
    place, labels, variables = place_of(source), told["labels"], told["vars"]
    hosts = {
        row[0]: Host(row[0], place, labels[row[1]], row[2], row[3], row[4], row[5], row[6], row[7], variables[row[8]])
        for row in told["hosts"]
    }
    problems = tuple(Problem(place, *said) for said in told["problems"])
    return Snapshot(Admitted(hosts, told["left_out"], problems), instant.from_text(told["read_at"]), told["rules"])
