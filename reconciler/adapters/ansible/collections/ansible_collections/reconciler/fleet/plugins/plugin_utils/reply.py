"""Finds a host's reply in what came over the connection. The text is untrusted; only the carrier reads it.

What became of a host is a record: its `kind` is `reply`, `broken`, `unfit`, `skipped` or `unable`. One that is
broken has what the host `told` before, as a list of JSON texts.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils import files

LARGEST = 8 * 1024 * 1024 + 1024 * 1024
TOLD = 32 * 1024
"""How much of what a host tells is kept, in letters."""
_TOLD = re.compile(rf"^{loader.TOLD} (.*)\r?\n", re.MULTILINE)
_START = re.compile(rf"^{loader.REPLY} ([0-9]{{1,9}})\r?\n", re.MULTILINE)


def extract(output: str) -> str | None:
    """The reply's text, None when there is no whole one. Login scripts may print lines around it."""
    for start in _START.finditer(output):
        length = int(start[1])
        text = output[start.end() : start.end() + length]
        if len(text) == length <= LARGEST:
            return text
    return None


def record(out: str, err: str, rc: int) -> dict[str, Any]:
    """What a command on the host came to, from its output, its errors and its exit status."""
    text = extract(out)
    if text is not None:
        return {"kind": "reply", "reply": text}
    return broken(err, rc, out)


def broken(err: str, rc: int, out: str = "") -> dict[str, Any]:
    """The record of a host that did not come to its reply, from what it printed and what was said about it."""
    error = files.tail(_TOLD.sub("", err).replace(loader.BEGUN, "").strip() or out)
    return {"kind": "broken", "rc": rc, "error": error, "begun": loader.BEGUN in err, "told": told(err)}


def told(err: str) -> list[str]:
    """What a host told while it was at work: whole lines only, oldest first, as much as is kept."""
    found, size = [], 0
    for match in _TOLD.finditer(err):
        size += len(match[1])
        if size > TOLD:
            break
        found.append(match[1])
    return found


def asks_for_code(text: str) -> bool:
    return len(text) <= 1000 and parsed(text).get("status") == "need_code"


def parsed(text: str) -> dict[str, Any]:
    """The reply as an object; an empty one for what is none."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}
