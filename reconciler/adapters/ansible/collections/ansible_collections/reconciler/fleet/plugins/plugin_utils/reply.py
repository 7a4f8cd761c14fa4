"""Finds a host's reply in what came over the connection. The text is untrusted; only the carrier reads it.

What became of a host is a record: its `kind` is `reply`, `broken`, `unfit`, `skipped` or `unable`.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from ansible_collections.reconciler.fleet.plugins.module_utils.host import loader
from ansible_collections.reconciler.fleet.plugins.plugin_utils import files

LARGEST = 8 * 1024 * 1024 + 1024 * 1024
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
    error = files.tail(err.replace(loader.BEGUN, "").strip() or out)
    return {"kind": "broken", "rc": rc, "error": error, "begun": loader.BEGUN in err}


def asks_for_code(text: str) -> bool:
    if len(text) > 1000:
        return False
    with contextlib.suppress(ValueError, RecursionError, AttributeError):
        return bool(json.loads(text).get("status") == "need_code")
    return False
