"""What runs on hosts is Python 3.8 with nothing but its standard library: an old host must be able to answer.

This reads the words. `tests/integration/transport/test_old_pythons.py` lets old Pythons run them, where there are any.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import vermin

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils import host

HOST = Path(host.__file__).parent
FILES = sorted(HOST.rglob("*.py"))
OLDEST = (3, 8)
BUNDLED = {"ansible", "reconciler_host"}
"""What the loader and the runner of modules import out of the code that came with them."""


def _imported(tree: ast.Module) -> set[str]:
    """The names that are imported from elsewhere."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def _needs(source: str) -> tuple[int, int]:
    """The oldest Python 3 that has all that a source uses: its syntax and what it takes from the standard library."""
    oldest = vermin.detect(source)[1]
    return (oldest[0], oldest[1]) if oldest else (3, 0)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_what_runs_on_hosts(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    imported = _imported(ast.parse(source, feature_version=OLDEST))
    assert {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names | BUNDLED} == set()
    assert _needs(source) <= OLDEST


@pytest.mark.parametrize(
    "source",
    ["'ab'.removeprefix('a')", "import functools\nfunctools.cache", "import zoneinfo", "with (a as b, c as d): pass"],
)
def test_what_is_newer_is_noticed(source: str) -> None:
    assert _needs(source) > OLDEST
