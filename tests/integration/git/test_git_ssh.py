"""A remote over ssh: a real sshd on loopback, the real git and ssh programs."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.adapters.git import GitSettings, open_source
from reconciler.adapters.git.ssh import ssh_command
from reconciler.model.errors import Retry, Stalled
from tests.integration.git.git_repositories import Repository


@dataclass
class Server:
    port: int
    folder: Path

    def url(self, path: Path | str) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user", "stranger", "other-host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it gives its privileges away
    for known, key in {"known": "host", "changed": "other-host"}.items():
        (folder / known).write_text(f"[127.0.0.1]:{port} {(folder / key).with_suffix('.pub').read_text()}")
    (folder / "nobody").touch()
    process = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-f", str(folder / "config")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(port)
        yield Server(port, folder)
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd did not start")


@pytest.fixture
def ssh(server, settings) -> GitSettings:
    return replace(settings, ssh_key=server.folder / "user", known_hosts=server.folder / "known")


def test_a_repository_is_fetched_and_followed(repository: Repository, server, ssh):
    first = repository.commit("one", hosts__a="1")
    repository.git("branch", "old")
    repository.git("tag", "v1")
    git = open_source(server.url(repository.path), ssh, "hosts")
    assert git.revision().sha == first
    tree = git.tree(git.revision("v1"))
    assert git.read(tree.blobs["a"], 10) == b"1"

    repository.git("branch", "-D", "old")
    repository.git("branch", "old/nested")
    repository.git("commit", "--quiet", "--amend", "-m", "rewritten")
    repository.git("tag", "--force", "v1")
    repository.git("branch", "--move", "main", "trunk")
    assert git.revision().sha == first
    assert git.poll().subject == "rewritten"
    assert {git.revision(rev).subject for rev in ("trunk", "v1")} == {"rewritten"}
    assert git.revision("old/nested").sha == first
    with pytest.raises(Stalled, match="'old' is no branch"):
        git.revision("old")


def test_a_second_process_uses_the_same_mirror(repository, server, ssh):
    sha = repository.commit("one")
    open_source(server.url(repository.path), ssh).poll()
    again = open_source(server.url(repository.path), replace(ssh, known_hosts=server.folder / "nobody"))
    assert again.revision().sha == sha
    assert len(list((ssh.cache / "git").glob("*.git"))) == 1


def test_an_empty_repository_and_one_without_its_default_branch(repository, server, ssh):
    git = open_source(server.url(repository.path), ssh)
    with pytest.raises(Stalled, match="has no commit yet"):
        git.revision()
    sha = repository.commit("one")
    repository.git("symbolic-ref", "HEAD", "refs/heads/gone")
    with pytest.raises(Stalled, match="default branch") as stalled:
        git.poll()
    assert "branches: main" in stalled.value.hint
    assert git.poll("main").sha == sha


@pytest.mark.parametrize(
    ("known", "key", "path", "says"),
    [
        ("nobody", "user", "", "a host key that is not known"),
        ("changed", "user", "", "another host key than the known one"),
        ("known", "stranger", "", "refuses our ssh key"),
        ("known", "gone", "", "the ssh key file isn't there"),
        ("known", "user", "/nowhere", "has no repository there"),
    ],
)
def test_what_somebody_has_to_act_on(repository, server, ssh, known, key, path, says):
    repository.commit("one")
    wrong = replace(ssh, known_hosts=server.folder / known, ssh_key=server.folder / key)
    git = open_source(server.url(path or repository.path), wrong)
    with pytest.raises(Stalled) as stalled:
        git.poll()
    assert says in stalled.value.message
    assert stalled.value.hint


def test_a_remote_that_can_not_be_reached_may_answer_later(ssh):
    git = open_source(f"ssh://git@127.0.0.1:{free_port()}/fleet", ssh)
    with pytest.raises(Retry, match="Connection refused"):
        git.poll()


def test_a_remote_that_says_nothing_is_given_up(ssh):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        git = open_source(f"ssh://git@127.0.0.1:{port}/unmistakable", replace(ssh, fetch_seconds=1, stall_seconds=60))
        with pytest.raises(Retry, match="more than 1 s"):
            git.poll()
        # Neither git nor its ssh outlives the call, but the kernel takes a moment to clear a killed one away.
        for _ in range(100):
            if not (left := _processes_with("/unmistakable")):
                break
            time.sleep(0.02)
        assert left == []


def test_no_setting_of_the_user_or_the_mirror_has_a_say(repository, server, ssh, monkeypatch, tmp_path):
    sha = repository.commit("one")
    mark = tmp_path / "mark"
    evil = tmp_path / "gitconfig"
    evil.write_text(f'[core]\n\tsshCommand = touch {mark};\n[url "ext::touch {mark} "]\n\tinsteadOf = ssh://\n')
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(evil))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {mark};")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.sshCommand")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {mark};")
    assert open_source(server.url(repository.path), ssh).poll().sha == sha
    assert not mark.exists()


def test_paths_in_the_ssh_command_are_quoted_and_keys_pinned(repository, server, ssh, tmp_path):
    odd = tmp_path / "a $(touch x) 'b' %h"
    odd.mkdir()
    for name in ("user", "known"):
        shutil.copy(server.folder / name, odd / name)
    repository.commit("one")
    there = replace(ssh, ssh_key=odd / "user", known_hosts=odd / "known")
    assert open_source(server.url(repository.path), there).poll().subject == "one"
    assert "StrictHostKeyChecking=yes" in ssh_command(there)
    assert "BatchMode=yes" in ssh_command(there)
    with pytest.raises(Stalled, match="can't be given the path"):
        ssh_command(replace(ssh, ssh_key=Path('/a"b')))


def test_a_cache_that_can_not_be_made(settings, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Stalled, match=r"the cache .* can't be written"):
        open_source("git@127.0.0.1:fleet", replace(settings, cache=tmp_path / "file"))


def _processes_with(word: str) -> list[str]:
    """Command lines on this machine that hold the word."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        found += [line] if word in line else []
    return found
