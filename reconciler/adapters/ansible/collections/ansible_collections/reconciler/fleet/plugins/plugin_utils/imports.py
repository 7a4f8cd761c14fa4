"""What an Ansible module imports that modules may share: of Python's own library and of Ansible's, never of others.

Other packages read the host's configuration when they are imported (python-apt does), and an earlier work may change
that: they are imported by each module itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from typing import Any

ANSIBLES = "ansible.module_utils."
_RUN_BY = ANSIBLES + "_internal._ansiballz._loader"
_PROFILES = ANSIBLES + "_internal._json._profiles._module_{profile}_{direction}"


def shared(contents: Mapping[str, bytes], description: Mapping[str, Any]) -> list[str]:
    """The names to import before a module is run, sorted. `contents` are the files of its payload."""
    source = contents.get(description["fqn"].replace(".", "/") + ".py", b"")
    named = set(_named(source))
    wanted = {name for name in named if name.split(".")[0] in sys.stdlib_module_names}
    wanted |= {name for name in named if name.startswith(ANSIBLES) and _has(contents, name)}
    for direction in ("c2m", "m2c"):
        wanted.add(_PROFILES.format(profile=description["profile"], direction=direction))
    return sorted({*wanted, _RUN_BY} - {"__future__"})


def _named(source: bytes) -> Iterator[str]:
    """The modules that a source names at its top level."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module.startswith("ansible."):  # there, what is imported from a package may be a module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _has(contents: Mapping[str, bytes], name: str) -> bool:
    path = name.replace(".", "/")
    return f"{path}.py" in contents or f"{path}/__init__.py" in contents
