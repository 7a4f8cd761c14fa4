"""Probes are Python 3.8 with nothing but its standard library: an old host must be able to answer."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils import host

HOST = Path(host.__file__).parent
FILES = [HOST / "canonical.py", HOST / "files.py", *sorted(HOST.glob("probes/*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_probes(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    absolute = [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    ]
    assert [name for name in absolute if name.partition(".")[0] not in sys.stdlib_module_names] == []
