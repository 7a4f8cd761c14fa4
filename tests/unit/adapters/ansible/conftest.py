"""Ansible's plugins of the collection, importable as Ansible imports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters import ansible


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the package that holds what the action plugins are made of."""
    monkeypatch.syspath_prepend(str(Path(ansible.__file__).parent / "collections"))
    return "ansible_collections.reconciler.fleet.plugins.plugin_utils"
