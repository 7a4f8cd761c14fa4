"""Local repositories, read in place: which commit, which files, and what is said to bad ones."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from reconciler.adapters.git import GitSettings, GitSource, open_source
from reconciler.adapters.git import tree as tree_module
from reconciler.model.errors import Stalled
from reconciler.model.key import Place
from tests.integration.git.git_repositories import Repository, write_tree


@pytest.fixture
def source(repository, settings):
    def open_it(path: str = "") -> GitSource:
        return open_source(str(repository.path), settings, path)

    return open_it


def refusal(call, *arguments) -> Stalled:
    with pytest.raises(Stalled) as stalled:
        call(*arguments)
    assert stalled.value.hint
    return stalled.value


class TestRevisions:
    def test_what_a_branch_a_tag_and_a_sha_mean(self, repository: Repository, source):
        first = repository.commit("first", a="1")
        repository.git("tag", "light")
        repository.git("tag", "--annotate", "--message=x", "heavy")
        repository.git("branch", "team/web")
        second = repository.commit("second", a="2")
        git = source()
        meanings = {rev: git.revision(rev).sha for rev in [None, "HEAD", "main", "refs/heads/main", second, second[:7]]}
        assert set(meanings.values()) == {second}
        heavy = repository.git("rev-parse", "heavy")
        for rev in ["light", "heavy", "refs/tags/heavy", "team/web", first, first[:4], heavy]:
            assert git.revision(rev).sha == first, rev

    def test_a_commit_is_described_in_one_plain_line(self, repository, source):
        repository.commit("edge: \x1b[31mred\u202e\n\nbody")
        revision = source().revision()
        assert revision.subject == "edge: �[31mred�"
        assert revision.committed_at == datetime(2026, 11, 2, 10, 20, tzinfo=UTC)

    def test_polling_sees_what_was_committed_since(self, repository, source):
        repository.commit("one")
        git = source()
        git.revision()
        second = repository.commit("two", a="2")
        repository.git("pack-refs", "--all")
        repository.git("gc", "--quiet")
        assert git.poll().sha == second
        assert git.poll("main").subject == "two"

    def test_a_detached_head(self, repository, source):
        first = repository.commit("one")
        repository.commit("two")
        repository.git("checkout", "--quiet", "--detach", first)
        assert source().revision().sha == first

    def test_an_unknown_one_says_what_there_is(self, repository, source):
        repository.commit()
        repository.git("tag", "v1.0")
        for n in range(12):
            repository.git("branch", f"team-{n:02}")
        refused = refusal(source().revision, "mian")
        assert "'mian' is no branch, tag or commit in" in refused.message
        assert "did you mean main?" in refused.hint
        assert "branches: main, team-00" in refused.hint
        assert "and 3 more; tags: v1.0" in refused.hint
        assert "is no branch" in refusal(source().revision, "0" * 40).message

    @pytest.mark.parametrize(
        "rev", ["", "-x", "--all", "HEAD~1", "main^", "a..b", "@{u}", ":/fix", "a b", "x\x00", "\x1b[m"]
    )
    def test_what_is_no_name_is_refused(self, repository, source, rev):
        repository.commit()
        assert "is not a branch, tag or SHA" in refusal(source().revision, rev).message

    def test_what_could_be_two_things_is_refused(self, repository, source):
        first = repository.commit("one")
        repository.git("tag", "release")
        second = repository.commit("two")
        repository.git("branch", "release")
        refused = refusal(source().revision, "release")
        assert "refs/heads/release, refs/tags/release" in refused.message
        assert source().revision("refs/tags/release").sha == first
        repository.git("branch", first[:8], second)
        assert "different commits" in refusal(source().revision, first[:8]).message

    def test_a_branch_can_not_pose_as_a_commit(self, repository, source):
        first = repository.commit("one")
        second = repository.commit("two")
        repository.git("update-ref", f"refs/heads/{first}", second)
        assert source().revision(first).sha == first

    def test_a_tag_of_something_else_is_no_revision(self, repository, source):
        repository.commit(a="1")
        repository.git("tag", "blob", "main:a")
        assert "is no branch" in refusal(source().revision, "blob").message

    def test_an_empty_repository(self, source):
        assert "has no commit yet" in refusal(source().revision).message

    def test_a_default_branch_that_is_not_there(self, repository, source):
        repository.commit()
        repository.git("symbolic-ref", "HEAD", "refs/heads/gone")
        assert "branches: main" in refusal(source().revision).hint

    def test_a_commit_from_the_far_future(self, repository, source):
        repository.commit()
        raw = repository.git("cat-file", "commit", "HEAD").replace("1793614800 +0100", "99999999999999 +0000")
        (repository.path / ".git" / "raw").write_text(raw + "\n")
        sha = repository.git("hash-object", "-t", "commit", "-w", "--literally", ".git/raw")
        assert source().revision(sha).committed_at.year == 1970


class TestOpening:
    @pytest.mark.parametrize(
        ("prepare", "says"),
        [
            (lambda path: None, "nothing is there"),
            (lambda path: path.mkdir(), "is not a Git repository"),
            (lambda path: path.write_text("x"), "is not a Git repository"),
            (lambda path: (path / ".git").mkdir(parents=True), "can't be read"),
        ],
    )
    def test_what_is_no_repository(self, tmp_path, settings, prepare, says):
        path = tmp_path / "x"
        prepare(path)
        assert says in refusal(open_source, str(path), settings).message

    def test_a_directory_inside_one_says_how_to_give_it(self, repository, settings):
        repository.commit(fleet__prod__a="1")
        refused = refusal(open_source, str(repository.path / "fleet" / "prod"), settings)
        assert f"give {repository.path} as the repository and fleet/prod as path" in refused.hint

    def test_a_bare_one_a_worktree_and_one_of_another_user(self, repository, tmp_path, settings):
        sha = repository.commit(a="1")
        bare, worktree = tmp_path / "bare.git", tmp_path / "worktree"
        repository.git("clone", "--quiet", "--bare", ".", str(bare))
        repository.git("worktree", "add", "--quiet", str(worktree))
        assert open_source(str(bare), settings).revision().sha == sha
        assert open_source(str(worktree), settings).revision().sha == sha
        if os.geteuid() == 0:
            for file in [bare, *bare.rglob("*")]:
                os.chown(file, 65534, 65534)
        assert open_source(f"file://{bare}", settings).revision().sha == sha

    def test_nothing_is_written_into_it(self, repository, source):
        repository.commit(a="1")

        def state():
            return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in repository.path.rglob("*")}

        before = state()
        git = source()
        git.read(git.tree(git.poll()).blobs["a"], 10)
        assert state() == before

    def test_uncommitted_files_do_not_count(self, repository, source):
        repository.commit(a="1")
        (repository.path / "a").write_text("changed")
        (repository.path / "b").write_text("new")
        git = source()
        tree = git.tree(git.revision())
        assert list(tree.blobs) == ["a"]
        assert git.read(tree.blobs["a"], 10) == b"1"


class TestTrees:
    def test_files_with_their_blobs_sorted_by_path(self, repository, source):
        repository.commit(b="2", **{"a__z": "3", "a__b__c": "4", "a.b": "5", "é": "6"})
        (repository.path / "b").chmod(0o755)
        repository.commit()
        git = source()
        tree = git.tree(git.revision())
        assert list(tree.blobs) == ["a.b", "a/b/c", "a/z", "b", "é"]
        assert git.read(tree.blobs["a/b/c"], 10) == b"4"
        assert tree.problems == ()

    def test_only_what_is_under_the_state_path(self, repository, source):
        repository.commit(a="1", fleet__prod__hosts__b="2")
        for path in ["fleet/prod", "fleet/prod/", "./fleet//prod"]:
            git = source(path)
            assert list(git.tree(git.revision()).blobs) == ["hosts/b"]

    @pytest.mark.parametrize(
        ("path", "says", "hint"),
        [
            ("gone", "path gone is not there", "directories there: fleet"),
            ("fleet/gone/x", "path fleet/gone is not there", "directories there: prod"),
            ("a", "path a is not a directory", "directories there: fleet"),
            ("link", "path link is not a directory", "directories there: fleet"),
        ],
    )
    def test_a_state_path_that_is_not_there(self, repository, source, path, says, hint):
        (repository.path / "link").symlink_to("fleet")
        repository.commit(a="1", fleet__prod__b="2")
        git = source(path)
        refused = refusal(git.tree, git.revision())
        assert says in refused.message
        assert hint in refused.hint

    @pytest.mark.parametrize("path", ["/etc", "..", "a/../b", "a\x00", "a\\b"])
    def test_what_is_no_state_path(self, source, path):
        assert "is not a path inside a repository" in refusal(source, path).message

    def test_a_large_file_is_not_read(self, repository, source):
        repository.commit(a="x" * 1000)
        git = source()
        blob = git.tree(git.revision()).blobs["a"]
        assert git.read(blob, 999) is None
        assert git.read(blob, 1000) == b"x" * 1000

    def test_a_lost_blob_and_a_lost_commit(self, repository, source):
        repository.commit(a="unique content")
        git = source()
        revision = git.revision()
        blob = git.tree(revision).blobs["a"]
        shutil.rmtree(repository.path / ".git" / "objects" / blob[:2])
        assert "has lost the content" in refusal(source().read, blob, 10).message
        empty = Repository(repository.path.parent / "other")
        other = open_source(str(empty.path), GitSettings(cache=repository.path))
        assert "has no commit" in refusal(other.tree, revision).message

    def test_a_commit_that_touches_one_file_costs_the_trees_above_it(self, repository, source):
        repository.commit(**{f"dir{n}__sub__file": str(n) for n in range(30)})
        git = source()
        git.tree(git.revision())
        assert git._walker.reads == 61
        repository.commit(dir7__sub__file="new")
        git.tree(git.revision())
        assert git._walker.reads == 61 + 3

    def test_what_is_kept_of_trees_does_not_grow_with_revisions(self, repository, source, monkeypatch):
        monkeypatch.setattr(tree_module, "_SPARE", 5)
        repository.commit(**{f"dir{n}__file{m}": f"{n} {m}" for n in range(3) for m in range(20)})
        git = source()
        first = git.tree(git.revision())
        for round_ in range(30):
            repository.commit(dir1__file7=f"new {round_}")
            git.tree(git.revision())
            entries = sum(len(listing) for listing in git._walker._known.values())
            assert 63 <= entries <= 2 * (63 + 4) + 5
        assert git.tree(first.revision).blobs == first.blobs


class TestHostileTrees:
    def source(self, tmp_path: Path, settings: GitSettings) -> GitSource:
        return open_source(str(tmp_path / "hostile.git"), settings)

    @pytest.mark.parametrize(
        ("name", "mode", "reason", "path"),
        [
            (b"..", "100644", "git-name", ".."),
            (b".", "40000", "git-name", "."),
            (b"../../x", "100644", "git-name", "../../x"),
            (b"/etc/passwd", "100644", "git-name", "/etc/passwd"),
            (b"a\\b", "100644", "git-name", "a\\b"),
            (b".git", "40000", "git-name", ".git"),
            (b".GiT", "40000", "git-name", ".GiT"),
            (b"a\nb", "100644", "git-name", "a�b"),
            (b"\x1b[2J", "100644", "git-name", "�[2J"),
            ("abc\u202elmay.yaml".encode(), "100644", "git-name", "abc�lmay.yaml"),
            (b"caf\xe9", "100644", "git-name", "caf�"),
            (b"x" * 300, "100644", "git-name", "x" * 254 + "…"),
            (b"link", "120000", "git-symlink", "link"),
            (b"sub", "160000", "git-submodule", "sub"),
        ],
    )
    def test_an_entry_that_is_refused_is_a_problem_and_the_others_are_read(
        self, tmp_path, settings, hostile, name, mode, reason, path
    ):
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        blob = str(repository.create_blob(b"good"))
        directory = str(write_tree(repository, [(b"good", "100644", blob)]))
        entry = (name, mode, directory if mode == "40000" else blob)
        inside = str(write_tree(repository, [entry, (b"fine", "100644", blob)]))
        hostile([(b"dir", "40000", inside), entry, (b"good", "100644", blob)])
        git = self.source(tmp_path, settings)
        tree = git.tree(git.revision())
        assert tree.blobs == {"dir/fine": blob, "good": blob}
        found = [(problem.reason, problem.place) for problem in tree.problems]
        assert sorted(found) == sorted([(reason, Place(path)), (reason, Place(f"dir/{path}"))])
        assert all(problem.hint and problem.severity == "error" for problem in tree.problems)

    def test_a_name_that_is_there_twice_is_neither(self, tmp_path, settings, hostile):
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        one, two = str(repository.create_blob(b"1")), str(repository.create_blob(b"2"))
        hostile([(b"a", "100644", one), (b"a", "100644", two), (b"b", "100644", one)])
        git = self.source(tmp_path, settings)
        tree = git.tree(git.revision())
        assert list(tree.blobs) == ["b"]
        assert {(p.reason, p.place.path) for p in tree.problems} == {("git-duplicate", "a")}

    def test_a_tree_that_unfolds_into_more_than_the_limit_is_refused_as_a_whole(
        self, tmp_path, settings, hostile, monkeypatch
    ):
        monkeypatch.setattr(tree_module, "MOST_ENTRIES", 1000)
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        inner = [(b"f", "100644", str(repository.create_blob(b"x")))]
        for _ in range(60):  # 2^60 files
            tree = str(write_tree(repository, inner))
            inner = [(b"a", "40000", tree), (b"b", "40000", tree)]
        hostile(inner)
        git = self.source(tmp_path, settings)
        assert "more than 1,000 files and directories" in refusal(git.tree, git.revision()).message

    def test_one_that_unfolds_without_any_file_too(self, tmp_path, settings, hostile, monkeypatch):
        monkeypatch.setattr(tree_module, "MOST_ENTRIES", 1000)
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        inner = []
        for _ in range(60):
            tree = str(write_tree(repository, inner))
            inner = [(b"a", "40000", tree), (b"b", "40000", tree)]
        hostile(inner)
        git = self.source(tmp_path, settings)
        assert "more than 1,000 files" in refusal(git.tree, git.revision()).message

    def test_a_tree_that_is_too_deep_is_refused(self, tmp_path, settings, hostile):
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        inner = [(b"f", "100644", str(repository.create_blob(b"x")))]
        for _ in range(500):
            inner = [(b"d", "40000", str(write_tree(repository, inner)))]
        hostile(inner)
        git = self.source(tmp_path, settings)
        assert "100 deep" in refusal(git.tree, git.revision()).message

    def test_an_entry_that_is_no_tree_where_a_tree_should_be(self, tmp_path, settings, hostile):
        repository = pygit2.Repository(str(tmp_path / "hostile.git"))
        blob = str(repository.create_blob(b"x"))
        hostile([(b"dir", "40000", blob)])
        git = self.source(tmp_path, settings)
        assert "has lost the directory" in refusal(git.tree, git.revision()).message
        hostile([(b"file", "100644", str(write_tree(repository, [(b"a", "100644", blob)])))])
        tree = git.tree(git.revision())
        assert "has lost the content" in refusal(git.read, tree.blobs["file"], 100).message
