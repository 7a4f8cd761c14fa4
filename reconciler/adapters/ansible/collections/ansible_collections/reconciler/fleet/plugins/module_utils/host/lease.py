"""Holds a host between the visits of one run, when not everything can be done in one. Ends by itself.

Read and written only under the host's lock. Times are the kernel's own, so that setting the clock changes nothing.
"""

import contextlib
import json
import os
import time


def holder(base):
    """Who holds the host; empty when nobody does (any more). Raises OSError, ValueError or TypeError when damaged."""
    try:
        with open(_path(base), encoding="utf-8") as stream:
            found = dict(json.load(stream))
    except FileNotFoundError:
        return ""
    alive = found.get("boot") == _boot() and found.get("until", 0) > time.monotonic()
    return str(found.get("holder")) if alive else ""


def take(base, name, seconds):
    """Hold it for so long from now, or longer than it was held. Raises OSError."""
    text = json.dumps({"holder": name, "boot": _boot(), "until": time.monotonic() + seconds})
    with open(_path(base) + ".new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(_path(base) + ".new", _path(base))


def release(base):
    """Hold it no longer."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(base))


def _path(base):
    return os.path.join(base, "lease.json")


def _boot():
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""
