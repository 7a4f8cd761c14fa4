"""A kernel setting: the running value, and the one in a drop-in file.

A query has `name` and `file`. Facts: `value` (None when the kernel has no such setting), `exists` (the file) and
`persisted` (the last value that the file gives, None when it gives none). Values have single spaces.
"""

from ..files import read, unanswered

LARGEST = 64 << 10
SWAPPED = str.maketrans("./", "/.")
"""In /proc/sys dots are slashes, and the slashes of an interface's name are dots."""


def answer(queries, root=""):
    if root:
        return [{"error": "a host that is a directory has no kernel"} for _ in queries]
    return [_look(query) for query in queries]


def _look(query):
    running = "/proc/sys/" + query["name"].translate(SWAPPED)
    try:
        value = _read(running)
    except (OSError, ValueError) as error:
        return unanswered(running, error)
    try:
        text = _read(query["file"])
    except (OSError, ValueError) as error:
        return unanswered(query["file"], error)
    return {
        "value": None if value is None else " ".join(value.split()),
        "exists": text is not None,
        "persisted": None if text is None else persisted(text, query["name"]),
    }


def _read(path):
    try:
        return read(path, LARGEST).decode("utf-8")
    except FileNotFoundError:
        return None


def persisted(text, name):
    """The last value that a file of sysctl.d gives for a setting."""
    value = None
    for line in text.splitlines():
        key, equals, given = line.partition("=")
        if equals and key.strip().lstrip("-").strip() == name:
            value = " ".join(given.split())
    return value
