"""The Git source: a repository read as blobs at a commit, never checked out. No code, hook or setting of it is run.

Modules: `address` (what may be a repository), `repository` (opening), `mirror` and `https`, `ssh` (fetching),
`revision` (which commit), `tree` (which files), `source` (the port).
"""

from __future__ import annotations

from reconciler.adapters.git.settings import GitSettings
from reconciler.adapters.git.source import GitSource, open_source

__all__ = ["GitSettings", "GitSource", "open_source"]
