"""What merging would give, on real repositories: as Git merges, and nothing of it in the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.adapters.git import GitSettings, open_source
from reconciler.model.errors import Stalled
from reconciler.ports import Source

LINES = "".join(f"{number}\n" for number in range(1, 31))


def git(folder: Path, *arguments: str) -> str:
    person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *person, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two branches that left the same commit: `main` has changed line 28 and a file, `pr` line 3."""
    folder = tmp_path / "state"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    write(folder, {"a.yaml": LINES, "b.yaml": "b\n"}, "first")
    git(folder, "checkout", "-q", "-b", "pr")
    write(folder, {"a.yaml": LINES.replace("3\n", "three\n", 1)}, "pr")
    git(folder, "checkout", "-q", "main")
    write(folder, {"a.yaml": LINES.replace("28\n", "new\n"), "b.yaml": "new\n"}, "main")
    return folder


def write(folder: Path, files: dict[str, str], subject: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", subject)


def opened(folder: Path) -> Source:
    return open_source(str(folder), GitSettings(cache=folder.parent / "cache"), "")


def test_both_sides_changes_are_in_it_and_nothing_is_written(repository: Path) -> None:
    source = opened(repository)
    before = git(repository, "count-objects"), git(repository, "status", "--porcelain"), git(repository, "for-each-ref")
    base, head = source.poll("main"), source.poll("pr")
    merged = source.merge(base, head)
    blobs = source.tree(merged).blobs
    assert (source.read(blobs["a.yaml"], 1000) or b"").decode() == LINES.replace("3\n", "three\n", 1).replace(
        "28", "new"
    )
    assert source.read(blobs["b.yaml"], 1000) == b"new\n"
    after = git(repository, "count-objects"), git(repository, "status", "--porcelain"), git(repository, "for-each-ref")
    assert after == before
    assert source.merge(base, head) == merged


def test_one_that_comes_after_the_other_is_the_merge(repository: Path) -> None:
    source = opened(repository)
    base, head = source.poll("main"), source.poll("pr")
    first = source.poll(git(repository, "merge-base", "main", "pr"))
    assert source.merge(first, head) == head
    assert source.merge(head, first) == head
    assert source.merge(base, base) == base


def test_a_conflict_names_the_files(repository: Path) -> None:
    git(repository, "checkout", "-q", "pr")
    write(repository, {"a.yaml": LINES.replace("28\n", "theirs\n")}, "conflict")
    source = opened(repository)
    with pytest.raises(Stalled) as error:
        source.merge(source.poll("main"), source.poll("pr"))
    assert "both change a.yaml" in error.value.message
    assert "rebase" in error.value.hint


def test_a_shallow_clone_is_told_what_it_lacks(repository: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{repository}", str(shallow))
    source = opened(shallow)
    with pytest.raises(Stalled) as error:
        source.merge(source.poll("origin/main"), source.poll("origin/pr"))
    assert "no history in common" in error.value.message
    assert "fetch-depth: 0" in error.value.hint


def test_a_working_tree_beside_others_finds_its_objects(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"), "pr")
    source = opened(tmp_path / "other")
    merged = source.merge(source.poll("main"), source.poll("pr"))
    assert len(source.tree(merged).blobs) == 2


def test_a_repository_that_can_not_be_written_is_merged_all_the_same(repository: Path) -> None:
    for path in sorted(repository.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    source = opened(repository)
    assert source.tree(source.merge(source.poll("main"), source.poll("pr"))).blobs
