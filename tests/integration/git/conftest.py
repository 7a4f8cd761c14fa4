"""Repositories for tests, and settings that keep everything under the test's own directory."""

from __future__ import annotations

from collections.abc import Callable

import pygit2
import pytest

from reconciler.adapters.git import GitSettings
from tests.integration.git.git_repositories import Repository, write_tree


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path / "fleet")


@pytest.fixture
def settings(tmp_path) -> GitSettings:
    return GitSettings(cache=tmp_path / "cache", stall_seconds=5, fetch_seconds=30)


@pytest.fixture
def hostile(tmp_path) -> Callable[..., str]:
    """Commits a tree that git would not write, from raw (name, mode, id), in a bare repository `hostile.git`."""
    repository = pygit2.init_repository(str(tmp_path / "hostile.git"), bare=True)

    def commit(entries: list[tuple[bytes, str, str]], name: str = "refs/heads/main") -> str:
        tree = write_tree(repository, entries)
        who = pygit2.Signature("Eve", "eve@example.com", 1_700_000_000, 0)
        parents = [repository.references[name].target] if name in repository.references else []
        repository.set_head(name)
        return str(repository.create_commit(name, who, who, "hostile", tree, parents))

    return commit
