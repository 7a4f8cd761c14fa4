"""Which code each host is believed to have, so that it need not travel again. A wrong belief costs one more command."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.reconciler.fleet.plugins.plugin_utils import files

KEPT = 8


class Known:
    """The beliefs about one host, in a file of the operator's cache directory."""

    def __init__(self, cache: Path, name: str) -> None:
        self._path = cache / "known" / name[:2] / name
        self._digests = self._read()

    def _read(self) -> list[str]:
        try:
            digests = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return []
        return [digest for digest in digests if isinstance(digest, str)] if isinstance(digests, list) else []

    def has(self, digest: str) -> bool:
        return digest in self._digests

    def forget(self) -> None:
        self._digests = []

    def add(self, digest: str) -> None:
        if self._digests[-1:] == [digest]:
            return
        self._digests = [*(d for d in self._digests if d != digest), digest][-KEPT:]
        files.private(self._path.parent)
        files.write(self._path, json.dumps(self._digests).encode())
