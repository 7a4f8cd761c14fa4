"""A command on a terminal of its own, as somebody sits before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pexpect

from tests.cli.place import Place


@contextmanager
def terminal(place: Place, *arguments: str, columns: int = 100, **env: str) -> Iterator[pexpect.spawn[str]]:
    child = pexpect.spawn(
        place.command(*arguments)[0],
        place.command(*arguments)[1:],
        cwd=str(place.state),
        env={**place.env, "TERM": "xterm-256color", **env},
        dimensions=(50, columns),
        encoding="utf-8",
        timeout=60,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def ended(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """The exit code, and what was said until then."""
    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in str(child.before)
    return child.exitstatus, str(child.before)
