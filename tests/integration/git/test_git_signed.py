"""Signed commits: only what trusted signers signed is accepted, every new commit is looked at, and it is remembered."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.adapters.git import GitSettings, open_source
from reconciler.adapters.git.signed import Policy
from reconciler.adapters.git.signers import Signers
from reconciler.model.errors import Stalled


@dataclass
class Signed:
    """A repository whose commits are signed by one key or another. `ssh` trusts ada, `gpg` trusts bob."""

    folder: Path
    gpg_home: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def git(self, *words: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {"GNUPGHOME": str(self.gpg_home)}
        person = ["-c", "user.name=Mallory\x1b[31m", "-c", "user.email=m@example.org"]
        command = ["git", "-C", str(self.repository), *person, *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, how: str, file: str = "a", text: str = "") -> str:
        """`how`: ssh keys are ada and eve, gpg keys bob and dan; "" leaves it unsigned."""
        path = self.repository / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or os.urandom(8).hex())
        self.git("add", "-A")
        self.git(*self.options(how), "commit", "-q", "-m", f"by {how}", *(["-S"] if how else []))
        return self.git("rev-parse", "HEAD")

    def options(self, how: str) -> list[str]:
        if how in ("ada", "eve"):
            return ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.folder / how}"]
        return ["-c", f"user.signingkey={how}@example.org"] if how else ["-c", "commit.gpgsign=false"]

    def policy(self, *more: Signers, since: str = "", everywhere: bool = True) -> Policy:
        first = (Signers("", self.folder / "allowed", self.folder / "keyring.gpg"),) if everywhere else ()
        return Policy((*first, *more), since, self.folder / "state" / "store.signed")

    def poll(self, policy: Policy | None = None, rev: str | None = None) -> str:
        settings = GitSettings(cache=self.folder / "cache", signed=policy or self.policy())
        return open_source(str(self.repository), settings).poll(rev).sha


@pytest.fixture(scope="module")
def gpg_home() -> Iterator[Path]:
    """Short, as gpg's agent has its socket in it."""
    path = Path(tempfile.mkdtemp(prefix="gpg-"))
    env = {"PATH": os.environ["PATH"], "GNUPGHOME": str(path)}
    for name in ("bob", "dan"):
        words = [
            "gpg",
            "--batch",
            "--passphrase",
            "",
            "--quick-gen-key",
            f"{name}@example.org",
            "ed25519",
            "sign",
            "never",
        ]
        subprocess.run(words, env=env, check=True, capture_output=True)
    yield path
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=env, check=False)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def signed(tmp_path: Path, gpg_home: Path) -> Signed:
    found = Signed(tmp_path, gpg_home)
    for name in ("ada", "eve"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    (tmp_path / "allowed").write_text(f'ada@example.org namespaces="git" {(tmp_path / "ada.pub").read_text()}')
    env = {"PATH": os.environ["PATH"], "GNUPGHOME": str(gpg_home)}
    exported = subprocess.run(["gpg", "--export", "bob@example.org"], env=env, check=True, capture_output=True).stdout
    (tmp_path / "keyring.gpg").write_bytes(exported)
    for file in ("allowed", "keyring.gpg"):
        (tmp_path / file).chmod(0o644)
    found.repository.mkdir()
    found.git("init", "-q", "-b", "main")
    return found


def said(signed: Signed, policy: Policy | None = None, rev: str | None = None) -> str:
    with pytest.raises(Stalled) as error:
        signed.poll(policy, rev)
    text = f"{error.value.message} {error.value.hint}"
    assert "\x1b" not in text
    return text


def test_trusted_signatures_of_both_kinds(signed: Signed) -> None:
    signed.commit("ada")
    last = signed.commit("bob")
    assert signed.poll() == last


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("", "is not signed"),
        ("eve", "an SSH signature of nobody who is trusted"),
        ("dan", "a GPG signature of nobody who is trusted"),
    ],
)
def test_one_bad_commit_below_a_good_one_is_found(signed: Signed, how: str, words: str) -> None:
    signed.commit("ada")
    bad = signed.commit(how)
    signed.commit("ada")
    text = said(signed)
    assert words in text
    assert f"commit {bad[:12]} by Mallory" in text
    assert "<m@example.org>" in text
    assert "git.signed_since" in text


def test_a_signature_of_another_commit(signed: Signed) -> None:
    """It is cut out of a good commit and put into another one."""
    signed.commit("ada")
    raw = signed.git("cat-file", "commit", "HEAD")
    forged = subprocess.run(
        ["git", "-C", str(signed.repository), "hash-object", "-t", "commit", "-w", "--stdin"],
        input=raw.replace("by ada", "by eve") + "\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    signed.git("update-ref", "refs/heads/main", forged)
    assert "or that does not fit" in said(signed)


def test_what_was_accepted_is_not_checked_again(signed: Signed) -> None:
    """Also when a signer is not trusted any more: it was when the commit came."""
    old = signed.commit("ada")
    assert signed.poll() == old
    (signed.folder / "allowed").write_text("")
    new = signed.commit("bob")
    assert signed.poll() == new


def test_a_branch_that_was_moved_elsewhere_is_checked_from_where_it_left(signed: Signed) -> None:
    base = signed.commit("ada")
    signed.commit("ada")
    signed.poll()
    signed.git("checkout", "-q", "-B", "main", base)
    bad = signed.commit("eve")
    signed.commit("ada")
    assert bad[:12] in said(signed)
    signed.git("checkout", "-q", "-B", "main", base)
    assert signed.poll() == base
    assert signed.poll(rev=signed.commit("bob")) == signed.git("rev-parse", "HEAD")


def test_every_side_of_a_merge_is_checked(signed: Signed) -> None:
    signed.commit("ada")
    signed.poll()
    signed.git("checkout", "-q", "-b", "side")
    bad = signed.commit("eve", "side")
    signed.git("checkout", "-q", "main")
    signed.commit("ada", "main")
    signed.git(*signed.options("ada"), "merge", "-q", "--no-ff", "-S", "-m", "merge", "side")
    assert bad[:12] in said(signed)


def test_a_history_from_before(signed: Signed) -> None:
    old = signed.commit("")
    policy = signed.policy(since=old)
    new = signed.commit("ada")
    assert signed.poll(policy) == new
    signed.commit("")
    assert "is not signed" in said(signed, policy)
    assert "there is no commit" in said(signed, signed.policy(since="0" * 40), rev=signed.git("rev-parse", "HEAD"))


def test_parts_of_the_repository_have_signers_of_their_own(signed: Signed) -> None:
    web = Signers("teams/web", gpg=signed.folder / "keyring.gpg")
    policy = signed.policy(web, everywhere=False)
    signed.commit("", "elsewhere")
    signed.commit("bob", "teams/web/a")
    assert signed.poll(policy)
    bad = signed.commit("ada", "teams/web/a")
    text = said(signed, policy)
    assert bad[:12] in text
    assert "changes teams/web" in text
    assert "no SSH key is trusted" in text


def test_a_merge_that_only_takes_over_needs_no_signature_of_the_part(signed: Signed) -> None:
    policy = signed.policy(Signers("teams/web", gpg=signed.folder / "keyring.gpg"), everywhere=False)
    signed.commit("", "elsewhere")
    signed.git("checkout", "-q", "-b", "side")
    signed.commit("bob", "teams/web/a")
    signed.git("checkout", "-q", "main")
    signed.commit("", "elsewhere")
    signed.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert signed.poll(policy)
    signed.git("checkout", "-q", "-b", "evil", "HEAD~1")
    signed.git("merge", "-q", "--no-ff", "--no-commit", "side")
    (signed.repository / "teams/web/a").write_text("evil")
    signed.git("add", "-A")
    signed.git("commit", "-q", "-m", "evil merge")
    assert "evil merge" in said(signed, policy, rev="evil")


def test_an_expired_key(signed: Signed) -> None:
    line = f'ada@example.org namespaces="git",valid-before="20200101" {(signed.folder / "ada.pub").read_text()}'
    (signed.folder / "allowed").write_text(line)
    signed.commit("ada")
    assert "SSH signature of nobody" in said(signed)


def test_a_key_that_is_for_something_else(signed: Signed) -> None:
    line = f'ada@example.org namespaces="file" {(signed.folder / "ada.pub").read_text()}'
    (signed.folder / "allowed").write_text(line)
    signed.commit("ada")
    assert "SSH signature of nobody" in said(signed)


def test_signers_that_others_can_change_are_refused(signed: Signed) -> None:
    signed.commit("ada")
    (signed.folder / "allowed").chmod(0o666)
    assert "others can write the signers" in said(signed)
    (signed.folder / "allowed").unlink()
    assert "can't be read" in said(signed)


def test_a_memory_that_can_not_be_read_is_not_taken_for_none(signed: Signed) -> None:
    signed.commit("ada")
    signed.poll()
    (signed.folder / "state" / "store.signed").write_text("{")
    signed.commit("ada")
    assert "can't be read" in said(signed)
