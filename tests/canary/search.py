"""Looks for secrets wherever they must not be: in any of the forms that a careless program would leave them in.

Knows values and bytes, not what was done with them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

FORMS = dict[bytes, str]


def forms(values: dict[str, str]) -> FORMS:
    """Every form of every value, with what it is."""
    found: FORMS = {}
    for name, value in values.items():
        data = value.encode()
        found[data] = f"{name} as it is"
        found |= {line: f"a line of {name}" for line in data.splitlines() if len(line) >= 8}
        found[json.dumps(value)[1:-1].encode()] = f"{name} in JSON"
        found[repr(value)[1:-1].encode()] = f"{name} in Python"
        found |= {quoted(value).encode(): f"{name} in a URL" for quoted in (quote, quote_plus)}
        found[data.hex().encode()] = f"{name} in hex"
        found |= dict.fromkeys(_base64(data), f"{name} in base64")
        for text in (data, data + b"\n"):
            found |= dict.fromkeys(_digests(text), f"a digest of {name}")
    return found


def _base64(data: bytes) -> Iterator[bytes]:
    """As a part of something larger: each of the three ways in which it may fall on the groups of three bytes."""
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + data)
        yield encoded[4 if lead else 0 : -4]


def _digests(data: bytes) -> Iterator[bytes]:
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        yield hashlib.new(name, data).hexdigest().encode()
        yield base64.b64encode(hashlib.new(name, data).digest())
    yield hashlib.blake2b(data, digest_size=16).hexdigest().encode()


def found_in(data: bytes, wanted: FORMS) -> list[str]:
    """What of it stands in the data."""
    return [what for form, what in wanted.items() if form in data]


def in_files(folder: Path, wanted: FORMS, leave_out: Iterable[Path] = ()) -> list[str]:
    """What stands in files below a folder, or in their names; compressed content is opened."""
    skipped = tuple(leave_out)
    said: list[str] = []
    for above, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(above, name) not in skipped]
        for name in files:
            path = Path(above, name)
            said += [f"{path}: {what}" for what in found_in(str(path).encode(), wanted)]
            if path.is_file() and not path.is_symlink():
                said += [f"{path}: {what}" for data in _contents(path) for what in found_in(data, wanted)]
    return said


def _contents(path: Path) -> Iterator[bytes]:
    data = _read(path)
    yield data
    yield from _unpacked(data)


def _unpacked(data: bytes) -> Iterator[bytes]:
    try:
        yield zlib.decompress(data)
    except zlib.error:
        return


def in_store(path: Path, wanted: FORMS) -> list[str]:
    """What stands in any column of any row of any table."""
    said: list[str] = []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        tables = [name for (name,) in file.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in file.execute(f"select * from {table}"):
                cells = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in row]
                for data in [*cells, *(plain for cell in cells for plain in _unpacked(cell))]:
                    said += [f"table {table}: {what}" for what in found_in(data, wanted)]
    file.close()
    return said


@contextmanager
def watched(wanted: FORMS, said: list[str], given: Iterable[int] = ()) -> Iterator[None]:
    """Looks all the time at the arguments and environments of all processes. Not at the environments of those that were
    `given` secrets in theirs by whoever started them, nor of a copy of one that has not become another program yet."""
    programs = {_words(pid) for pid in given}
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                words = _read(process / "cmdline")
                said.extend(f"cmdline of a process: {what}" for what in found_in(words, wanted))
                if words not in programs:
                    said.extend(
                        f"environ of {words!r}: {what}" for what in found_in(_read(process / "environ"), wanted)
                    )
            time.sleep(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _words(pid: int) -> bytes:
    """The program and arguments of a process; empty at first, when it has just become this program."""
    until = time.monotonic() + 10
    while not (words := _read(Path(f"/proc/{pid}/cmdline"))) and time.monotonic() < until:
        time.sleep(0.001)
    return words


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
