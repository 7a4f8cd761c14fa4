"""The parts of the lab that need no machine: which archive it is built from, its apt repository, its inventory."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.__main__ import HOST
from tests.lab.aptrepo import AptRepo, Package, demo
from tests.lab.base import best_source


def uris(*archives: tuple[str, str]) -> str:
    """What `apt-get --print-uris update` prints for archives of (URI, suite)."""
    return "".join(
        f"'{uri}/dists/{suite}/InRelease' x_InRelease 0 \n'{uri}/dists/{suite}/main/binary-amd64/Packages.xz' x 0 \n"
        for uri, suite in archives
    )


@pytest.mark.parametrize(
    ("archives", "best"),
    [
        ([("http://m.test/debian", "trixie")], ("http://m.test/debian", "trixie")),
        ([("http://m.test/debian", "trixie-updates"), ("http://m.test/debian", "sid")], None),
        ([("http://a.test/tool", "trixie"), ("http://m.test/debian", "trixie")], ("http://m.test/debian", "trixie")),
        ([("http://a.test/debian", "stable"), ("http://m.test/debian", "trixie")], ("http://m.test/debian", "trixie")),
        ([("http://m.test/debian", "stable")], ("http://m.test/debian", "stable")),
        ([], None),
    ],
)
def test_the_archive_to_build_from(archives: list[tuple[str, str]], best: tuple[str, str] | None) -> None:
    assert best_source(uris(*archives), "trixie") == best


def test_a_list_of_mirrors_gives_its_first(tmp_path: Path) -> None:
    (tmp_path / "debian.list").write_text("http://one.test/debian/\nhttp://two.test/debian/\n")
    listed = uris((f"mirror+file:{tmp_path}/debian.list", "trixie"))
    assert best_source(listed, "trixie") == ("http://one.test/debian", "trixie")


needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="LEFT OUT: needs dpkg-deb (Debian package dpkg)"
)


@needs_dpkg
def test_a_repository_lists_what_is_published(tmp_path: Path) -> None:
    repository = AptRepo(tmp_path)
    assert (tmp_path / "Packages").read_text() == ""
    repository.publish(demo("1.0"), Package("other", "3", depends="reconciler-demo (>= 1.0)"))
    first, second = (tmp_path / "Packages").read_text().split("\n\n")
    deb = (tmp_path / "reconciler-demo_1.0_all.deb").read_bytes()
    assert f"Size: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}" in first
    assert "Depends: reconciler-demo (>= 1.0)" in second
    index = (tmp_path / "Packages").read_bytes()
    assert f" {hashlib.sha256(index).hexdigest()} {len(index)} Packages" in (tmp_path / "Release").read_text()


@needs_dpkg
def test_what_is_withdrawn_is_gone(tmp_path: Path) -> None:
    repository = AptRepo(tmp_path)
    repository.publish(demo("1.0"), demo("2.0"))
    repository.withdraw(demo("1.0"))
    assert "Version: 1.0" not in (tmp_path / "Packages").read_text()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["Packages", "Release", "reconciler-demo_2.0_all.deb"]


@needs_dpkg
def test_a_package_holds_its_files(tmp_path: Path) -> None:
    AptRepo(tmp_path).publish(demo("1.0"))
    deb = str(tmp_path / "reconciler-demo_1.0_all.deb")
    listed = subprocess.run(["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True).stdout
    modes = {line.split()[-1]: line.split()[0] for line in listed.splitlines()}
    assert modes["./usr/bin/reconciler-demo"] == "-rwxr-xr-x"
    assert modes["./etc/reconciler-demo.conf"] == "-rw-r--r--"
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    control = subprocess.run(["dpkg-deb", "--info", deb, "conffiles"], capture_output=True, text=True, check=True)
    assert control.stdout == "/etc/reconciler-demo.conf\n"


def test_a_host_document_is_written_for_a_machine() -> None:
    text = HOST.format(name="lab-1", address="127.9.0.1", port=22022, rack="a")
    assert "metadata: {name: lab-1, labels: {env: lab, rack: a}}\n" in text
    assert text.endswith("spec: {address: 127.9.0.1, port: 22022, user: ops, become: true}\n")
