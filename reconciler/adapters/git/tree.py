"""Which files there are at a commit, under a path. Names in a tree are untrusted bytes, and nothing is followed.

A file that is refused is a problem with its path, so that what it asked for is held, not taken for deleted. A tree
that is too large is refused as a whole: half a repository would look like half a fleet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pygit2
from pygit2.enums import FileMode

from reconciler.adapters.git.plain import is_plain, plain
from reconciler.model.errors import Stalled
from reconciler.model.key import Place
from reconciler.model.problem import Problem

MOST_ENTRIES = 500_000
DEEPEST = 100
_SPARE = 1_000
_LONGEST_NAME = 255
_TAKEN = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE, FileMode.TREE)


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands in a tree itself, by name: files with their blobs, directories with their trees, what was refused."""

    blobs: tuple[tuple[str, str], ...]
    trees: tuple[tuple[str, pygit2.Oid], ...]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.blobs) + len(self.trees) + len(self.problems)


@dataclass(slots=True)
class _Walk:
    """What is found under a tree: `listings` of all trees that were met, and how many `entries` that is."""

    blobs: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    listings: dict[pygit2.Oid, Listing] = field(default_factory=dict)
    placed: dict[tuple[pygit2.Oid, str], dict[str, str]] = field(default_factory=dict)
    entries: int = 0


@dataclass(slots=True)
class Walker:
    """Lists trees of one repository. Trees that it has met lately are not read again; `reads` counts those that were.

    Each tree is kept by itself, whatever is above it, so that a revision adds no more than what differs in it.
    """

    repository: pygit2.Repository
    reads: int = 0
    _known: dict[pygit2.Oid, Listing] = field(default_factory=dict)
    _placed: dict[tuple[pygit2.Oid, str], dict[str, str]] = field(default_factory=dict)

    def files(self, tree: pygit2.Oid) -> tuple[dict[str, str], tuple[Problem, ...]]:
        """Path to blob id, sorted, and the problems. Raises Stalled when there is too much."""
        walk = _Walk()
        self._gather(tree, "", 0, walk)
        # By what is in them: a directory with a whole fleet in it is another one after every commit.
        if sum(map(len, self._known.values())) > 2 * walk.entries + _SPARE:
            self._known = walk.listings
        self._placed = walk.placed
        return {path: walk.blobs[path] for path in sorted(walk.blobs)}, tuple(sorted(walk.problems))

    def _gather(self, tree: pygit2.Oid, above: str, depth: int, walk: _Walk) -> None:
        if depth > DEEPEST:
            raise Stalled(f"the repository has directories more than {DEEPEST} deep", "give a path inside it")
        if tree not in self._known:
            self._known[tree] = self._read(tree)
        walk.listings[tree] = listing = self._known[tree]
        # A tree counts itself, too: one that stands in itself again and again may hold no file at all.
        walk.entries += 1 + len(listing)
        if walk.entries > MOST_ENTRIES:
            raise Stalled(
                f"the repository has more than {MOST_ENTRIES:,} files and directories", "give a path inside it"
            )
        # The same texts for the same files, so that paths can be compared without a look into them.
        place = tree, above
        files = self._placed.get(place) or {above + name: blob for name, blob in listing.blobs}
        if files:
            walk.placed[place] = files
            walk.blobs.update(files)
        walk.problems += [_within(above, problem) for problem in listing.problems]
        for name, inside in listing.trees:
            self._gather(inside, f"{above}{name}/", depth + 1, walk)

    def _read(self, tree: pygit2.Oid) -> Listing:
        self.reads += 1
        blobs: list[tuple[str, str]] = []
        trees: list[tuple[str, pygit2.Oid]] = []
        problems: list[Problem] = []
        entries = list(self._tree(tree))
        names = Counter(entry.raw_name for entry in entries)
        for entry in entries:
            name = (entry.raw_name or b"").decode(errors="replace")
            if refused := _refusal(entry, names[entry.raw_name]):
                problems.append(refused)
            elif entry.filemode == FileMode.TREE:
                trees.append((name, entry.id))
            else:
                blobs.append((name, str(entry.id)))
        return Listing(tuple(blobs), tuple(trees), tuple(problems))

    def _tree(self, name: pygit2.Oid) -> pygit2.Tree:
        found = self.repository.get(name)
        if not isinstance(found, pygit2.Tree):
            raise Stalled(
                f"the repository has lost the directory {str(name)[:12]}", "fetch it again, or look with: git fsck"
            )
        return found


def _refusal(entry: pygit2.Object, same: int) -> Problem | None:
    good = _good_name(entry.raw_name or b"")
    if good and same == 1 and entry.filemode in _TAKEN:
        return None
    name = plain(entry.raw_name or b"", longest=_LONGEST_NAME)
    place = Place(name)
    if not good:
        return Problem(place, "git-name", f"{name!r} is not a name that a file may have here", hint="rename it")
    if same > 1:
        return Problem(place, "git-duplicate", f"{name!r} is there twice", hint="look at the commit with: git fsck")
    match entry.filemode:
        case FileMode.LINK:
            hint = "put the file itself there"
            return Problem(place, "git-symlink", f"{name!r} is a symbolic link; links are not followed", hint=hint)
        case FileMode.COMMIT:
            hint = "put its files into this repository"
            return Problem(place, "git-submodule", f"{name!r} is a submodule; submodules are not read", hint=hint)
    return Problem(place, "git-mode", f"{name!r} is neither a file nor a directory", hint="look with: git ls-tree")


def _good_name(raw: bytes) -> bool:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return False
    if name in ("", ".", "..") or name.lower() == ".git" or len(raw) > _LONGEST_NAME:
        return False
    return "/" not in name and "\\" not in name and is_plain(name)


def _within(above: str, problem: Problem) -> Problem:
    place = Place(above + problem.place.path)
    return Problem(place, problem.reason, problem.message, problem.document, problem.hint)
