"""Keeps what files of the state repository say across restarts.

Modules: `file` (the port), `version` (what it is of)."""

from __future__ import annotations

from reconciler.adapters.cache.file import FileCache
from reconciler.adapters.cache.version import version

__all__ = ["FileCache", "version"]
