"""Bytes as a tree object of Git → the files of a source. What is refused is a problem, or the whole tree (Stalled)."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

import atheris
import pygit2
from pygit2.enums import FileMode, ObjectType

with atheris.instrument_imports(include=["reconciler.adapters.git"]):
    from reconciler.adapters.git import GitSettings, open_source
    from reconciler.model.errors import Stalled

from fuzz.target import folder, fuzz

WHO = pygit2.Signature("f", "f@example.org", 0, 0)


@cache
def _repository() -> tuple[pygit2.Repository, Path]:
    path = folder()
    return pygit2.init_repository(str(path), bare=True), path


def one(data: bytes) -> None:
    """The tree as the top, and once more below a good directory. Entries that lead nowhere are filled with a blob."""
    repository, path = _repository()
    blob = repository.create_blob(b"x")
    given = data.replace(b"BLOB", blob.raw)
    tree = repository.odb.write(ObjectType.TREE, given)
    for top in (tree, _below(repository, tree)):
        raw = f"tree {top}\nauthor f <f> 0 +0000\ncommitter f <f> 0 +0000\n\n".encode() + data[:100]
        commit = repository.odb.write(ObjectType.COMMIT, raw)
        source = open_source(str(path), GitSettings(cache=path / "cache"))
        with contextlib.suppress(Stalled):
            found = source.tree(source.revision(str(commit)))
            for file, name in found.blobs.items():
                assert file.isprintable() and ".." not in file.split("/") and not file.startswith("/"), file
                with contextlib.suppress(Stalled):
                    source.read(name, 100)
            assert all(problem.message.isprintable() for problem in found.problems)


def _below(repository: pygit2.Repository, tree: pygit2.Oid) -> pygit2.Oid:
    mode = f"{FileMode.TREE:o}".encode()
    return repository.odb.write(ObjectType.TREE, mode + b" folder\0" + tree.raw)


if __name__ == "__main__":
    fuzz("git_tree", one)
