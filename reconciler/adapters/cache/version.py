"""Names everything that the meaning of a file depends on, beside its path and bytes: what was kept under another name
is not used. It takes in the code that reads files, so nobody has to remember to count a number up.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version as version_of
from pathlib import Path

import yaml

from reconciler.core.parsing.limits import Limits
from reconciler.core.parsing.parsed_json import FORMAT
from reconciler.kinds import Registry

_ROOT = Path(__file__).parents[2]
_READS = ("core", "kinds", "model")
_LIBRARIES = ("pydantic", "pydantic-core", "pyyaml", "orjson")


def version(registry: Registry, limits: Limits) -> str:
    """32 hex characters."""
    found = hashlib.blake2b(repr((FORMAT, limits, yaml.__with_libyaml__)).encode(), digest_size=16)
    for library in _LIBRARIES:
        found.update(f"{library} {version_of(library)}\n".encode())
    for name, kind in sorted(registry.items()):
        found.update(f"{name} {type(kind).__module__}.{type(kind).__qualname__}\n".encode())
    for file in sorted(file for part in _READS for file in (_ROOT / part).rglob("*.py")):
        found.update(str(file.relative_to(_ROOT)).encode() + b"\n" + file.read_bytes())
    return found.hexdigest()
