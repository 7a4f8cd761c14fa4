"""Plays the demo on a terminal of its own, and keeps what is seen: all of it as docs/demo.txt, a part as docs/demo.svg,
and a plan in README.md. Nothing of that is written by hand.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import selectors
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
FOLDER = Path(tempfile.gettempdir()) / "reconciler-demo"
ROWS, COLUMNS = 50, 110
PICTURED = ("━━ 4/", "━━ 7/")
"""The scenes in the picture: from the first, up to the second."""


def played() -> str:
    """What the demo says, with colours. Standard error is no terminal, so that progress stands in whole lines."""
    terminal, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-c", "from reconciler.cli.main import main; main()", "demo", "--folder", str(FOLDER)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    demo = subprocess.Popen(command, stdout=screen, stderr=subprocess.PIPE, env=environment)
    os.close(screen)
    assert demo.stderr is not None
    text = _both(terminal, demo.stderr.fileno()).decode().replace("\r\n", "\n")
    if demo.wait():
        raise SystemExit(text)
    return text


def _both(*sources: int) -> bytes:
    """What comes from several sources, in the order in which it comes."""
    said = bytearray()
    with selectors.DefaultSelector() as waiting:
        for source in sources:
            waiting.register(source, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                data = _read(key.fd)
                said += data
                if not data:
                    waiting.unregister(key.fd)
    return bytes(said)


def _read(source: int) -> bytes:
    try:
        return os.read(source, 1 << 16)
    except OSError:  # the other side of a terminal is closed
        return b""


def picture(text: str) -> str:
    """The pictured part as SVG, with fonts that the reader's computer has."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(text), overflow="fold")
    svg = console.export_svg(title="reconciler demo", unique_id="demo")
    return re.sub(r"@font-face\s*\{.*?\}\s*|<!--.*?-->\s*", "", svg, flags=re.DOTALL)


def excerpt(text: str) -> str:
    """The plan that shows drift beside a pending change, with the command that made it."""
    return _between(text, "$ reconciler plan --max-age 10m", "━━ 7/")


def _between(text: str, first: str, last: str) -> str:
    lines = text.splitlines()
    places = [next(i for i, line in enumerate(lines) if mark in line) for mark in (first, last)]
    return "\n".join(lines[places[0] : places[1]]).rstrip()


if __name__ == "__main__":
    seen = played()
    shutil.rmtree(FOLDER)
    plain = Text.from_ansi(seen).plain.rstrip() + "\n"
    (DOCS / "demo.txt").write_text(plain)
    (DOCS / "demo.svg").write_text(picture(_between(seen, *PICTURED)))
    readme = DOCS.parent / "README.md"
    before, mark, rest = readme.read_text().partition("<!-- from docs/demo.txt -->\n")
    after = rest.split("\n```\n", 1)[1]
    readme.write_text(f"{before}{mark}```text\n{excerpt(plain)}\n```\n{after}")
