"""Whether a line is in a file, by the rules of Ansible's `lineinfile`.

A query has `path`, `line` (or None) and `match` (a regular expression over bytes, or None). The line is the last
that `match` matches, else the last that equals `line`. Facts: `line`, None when there is none.
"""

import io
import re

from ..files import place, read, unanswered

LARGEST = 4 << 20
"""Bytes of the largest file that is looked at."""
LONGEST = 8 << 10
"""Bytes of the longest line that a pattern is tried on: its time may grow faster than the line."""


def answer(queries, root=""):
    files = {}
    return [_look(query, root, files) for query in queries]


def _look(query, root, files):
    path = query["path"]
    try:
        if path not in files:
            files[path] = _lines(place(root, path, follow=True))
        line = find(files[path], query["line"], query["match"])
        return {"line": None if line is None else line.decode("utf-8")}
    except UnicodeDecodeError:
        return {"error": f"{path}: the line is not UTF-8"}
    except (OSError, ValueError, re.error) as error:
        return unanswered(path, error)


def _lines(path):
    try:
        return io.BytesIO(read(path, LARGEST)).readlines()
    except FileNotFoundError:
        return []


def find(lines, line, match):
    """The line (bytes, without its newline) among `lines` (with theirs), None when it isn't there."""
    found = None
    if match is not None:
        pattern = re.compile(match.encode("utf-8"))
        if any(len(candidate) > LONGEST for candidate in lines):
            raise ValueError(f"has a line longer than {LONGEST >> 10} KiB")
        found = _last(lines, pattern.search)
    if found is None and line is not None:
        wanted = line.encode("utf-8")
        found = _last(lines, lambda candidate: candidate.rstrip(b"\r\n") == wanted)
    # Only the newline goes: to lineinfile, a line that ends with \r\n is one to replace.
    return found[:-1] if found is not None and found.endswith(b"\n") else found


def _last(lines, fits):
    return next((candidate for candidate in reversed(lines) if fits(candidate)), None)
