"""What every source promises the loop: one suite, run on commits in memory and on a real Git repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest

from reconciler.adapters.git import GitSettings, open_source
from reconciler.model.errors import Stalled
from reconciler.ports import Source
from tests.fakes.source import Commits

LARGE = 1 << 20
Commit = Callable[[dict[str, str]], str]


@pytest.fixture(params=["memory", "git"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Source, Commit]:
    """A source, and what commits files to it (all the files there are)."""
    if request.param == "memory":
        commits = Commits()
        commits.commit({})

        def commit(files: dict[str, str]) -> str:
            return commits.commit(dict.fromkeys(commits.files) | files)

        return commits, commit
    git = pygit2.init_repository(str(tmp_path / "fleet.git"), bare=True, initial_head="main")
    _commit(git, {})
    source = open_source(str(tmp_path / "fleet.git"), GitSettings(cache=tmp_path / "cache"), "")
    return source, lambda files: _commit(git, files)


def _commit(git: pygit2.Repository, files: dict[str, str]) -> str:
    index = pygit2.Index()
    for path, text in files.items():
        index.add(pygit2.IndexEntry(path, git.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("Ada", "ada@example.com", 1_700_000_000, 0)
    head = "refs/heads/main"
    parents = [git.references[head].target] if head in git.references else []
    return str(git.create_commit(head, who, who, "a change", index.write_tree(git), parents))


def test_the_newest_commit_is_seen(repository: tuple[Source, Commit]) -> None:
    source, commit = repository
    first, second = commit({"a.yaml": "1"}), commit({"a.yaml": "2"})
    assert source.poll().sha == second != first
    assert source.revision().sha == second
    assert source.poll().subject == "a change"


def test_files_are_listed_in_order_and_read(repository: tuple[Source, Commit]) -> None:
    source, commit = repository
    commit({"b/c.yaml": "é\n", "a.yaml": "", "b.yaml": "é\n"})
    blobs = source.tree(source.poll()).blobs
    assert list(blobs) == ["a.yaml", "b.yaml", "b/c.yaml"]
    assert {path: source.read(blob, LARGE) for path, blob in blobs.items()} == {
        "a.yaml": b"",
        "b.yaml": b"\xc3\xa9\n",
        "b/c.yaml": b"\xc3\xa9\n",
    }
    assert blobs["b.yaml"] == blobs["b/c.yaml"] != blobs["a.yaml"]


def test_what_is_too_large_is_not_read(repository: tuple[Source, Commit]) -> None:
    source, commit = repository
    commit({"a.yaml": "four"})
    blob = source.tree(source.poll()).blobs["a.yaml"]
    assert (source.read(blob, 4), source.read(blob, 3)) == (b"four", None)


def test_an_earlier_revision_is_as_it_was(repository: tuple[Source, Commit]) -> None:
    source, commit = repository
    first = commit({"a.yaml": "1"})
    commit({"b.yaml": "2"})
    for rev in (first, first[:10]):
        assert list(source.tree(source.poll(rev)).blobs) == ["a.yaml"]


def test_a_revision_that_is_not_there_is_told(repository: tuple[Source, Commit]) -> None:
    source, _ = repository
    with pytest.raises(Stalled):
        source.poll("0123456789")


def test_what_comes_later_is_what_merging_gives(repository: tuple[Source, Commit]) -> None:
    source, commit = repository
    first, second = commit({"a.yaml": "1"}), commit({"a.yaml": "2"})
    old, new = source.poll(first), source.poll(second)
    assert source.merge(old, new).sha == source.merge(new, old).sha == second
