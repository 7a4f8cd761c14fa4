"""The path probe on real files."""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host.probes import (  # noqa: E501
    path as path_probe,
)

EVERYTHING = ["content", "owner", "group", "mode", "target"]


def look(path: str | Path, want: list[str] | None = None, text: bool = True, root: str = "") -> dict[str, Any]:
    want = EVERYTHING if want is None else want
    (facts,) = probes.answer([{"probe": "path", "path": str(path), "want": want, "text": text}], root)
    return facts


def test_a_file_tells_all_that_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "motd"
    file.write_text("grüß\n")
    file.chmod(0o4640)
    info = file.stat()
    assert look(file) == {
        "exists": True,
        "type": "file",
        "sha256": "sha256:" + hashlib.sha256("grüß\n".encode()).hexdigest(),
        "text": "grüß\n",
        "owner": pwd.getpwuid(info.st_uid).pw_name,
        "group": file.group(),
        "mode": "4640",
    }


def test_only_what_is_wanted_is_told(tmp_path: Path) -> None:
    file = tmp_path / "motd"
    file.write_text("secret")
    assert look(file, ["mode"]) == {"exists": True, "type": "file", "mode": f"{file.stat().st_mode & 0o7777:04o}"}
    assert "text" not in look(file, ["content"], text=False)


@pytest.mark.parametrize("missing", ["gone", "no/such/parent"])
def test_what_is_not_there_is_absent(tmp_path: Path, missing: str) -> None:
    assert look(tmp_path / missing) == {"exists": False}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"x" * path_probe.LONGEST_TEXT, True),
        (b"x" * (path_probe.LONGEST_TEXT + 1), False),
        (b"\xff\xfe", False),
        (b"\xed\xa0\x80", False),  # a surrogate, which JSON could not carry
        (b"a\0b", False),
        (b"", True),
    ],
)
def test_only_short_text_is_told(tmp_path: Path, data: bytes, told: bool) -> None:
    file = tmp_path / "f"
    file.write_bytes(data)
    facts = look(file)
    assert facts["sha256"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert ("text" in facts) is told


def test_a_file_too_large_to_hash_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_probe, "LARGEST", 100_000)
    file = tmp_path / "f"
    file.write_bytes(bytes(100_000))
    assert "sha256" in look(file)
    file.write_bytes(bytes(100_001))
    assert "too large to compare" in look(file)["error"]
    assert look(file, ["mode"])["type"] == "file"


def test_types(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("nowhere")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    server.close()
    types = {name: look(tmp_path / name)["type"] for name in ("dir", "fifo", "link", "socket")}
    assert types == {"dir": "directory", "fifo": "fifo", "link": "link", "socket": "socket"}
    assert look("/dev/null", [])["type"] == "character device"


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "link").symlink_to("secret")
    facts = look(tmp_path / "link")
    assert (facts["type"], facts["target"]) == ("link", "secret")
    assert "sha256" not in facts


def test_a_target_that_is_not_text_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.fsdecode(b"\xff"))
    assert "not UTF-8" in look(tmp_path / "link")["error"]


def test_a_file_swapped_for_a_link_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, secret = tmp_path / "f", tmp_path / "secret"
    file.write_text("x")
    secret.write_text("secret")
    lstat = os.lstat

    def swap(path: str) -> os.stat_result:
        info = lstat(path)
        file.unlink()
        file.symlink_to(secret)
        return info

    monkeypatch.setattr(path_probe.os, "lstat", swap)
    assert set(look(file)) == {"error"}


def test_a_file_swapped_for_another_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, other = tmp_path / "f", tmp_path / "other"
    file.write_text("x")
    other.write_text("y")
    lstat = os.lstat

    def swap(path: str) -> os.stat_result:
        info = lstat(path)
        other.rename(file)
        return info

    monkeypatch.setattr(path_probe.os, "lstat", swap)
    assert "was replaced" in look(file)["error"]


def test_what_may_not_be_seen_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(path_probe.os, "lstat", refuse)  # root may see everything, and tests may run as root
    assert look(tmp_path / "f") == {"error": f"{tmp_path}/f: Permission denied"}


def test_a_parent_that_is_a_file_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    assert look(tmp_path / "f" / "below") == {"error": f"{tmp_path}/f/below: Not a directory"}


def test_an_id_without_a_name_is_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(path_probe.pwd, "getpwuid", nobody)
    monkeypatch.setattr(path_probe.grp, "getgrgid", nobody)
    facts = look(tmp_path)
    assert (facts["owner"], facts["group"]) == (str(tmp_path.stat().st_uid), str(tmp_path.stat().st_gid))


def test_a_root_stands_for_slash(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/motd").write_text("x")
    (tmp_path / "etc/link").symlink_to(f"{tmp_path}/etc/motd")
    (tmp_path / "etc/beside").symlink_to(f"{tmp_path}x/motd")
    root = str(tmp_path)
    assert look("/etc/motd", root=root)["text"] == "x"
    assert look("/", root=root)["type"] == "directory"
    assert look("/etc/link", root=root)["target"] == "/etc/motd"
    assert look("/etc/beside", root=root)["target"] == f"{tmp_path}x/motd"


def test_no_link_leads_out_of_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("x")
    (root / "etc").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    assert look("/etc/secret", root=str(root)) == {"error": "/etc/secret: leads out of the host's root"}
    line = {"probe": "line", "path": "/file", "line": "x", "match": None}
    assert probes.answer([line], str(root)) == [{"error": "/file: leads out of the host's root"}]


@pytest.mark.parametrize("path", ["/nul\0byte", "/surrogate\udc80"])
def test_odd_paths_are_answered(path: str) -> None:
    (facts,) = probes.answer([{"probe": "path", "path": path, "want": ["mode"], "text": False}])
    assert facts.keys() in ({"error"}, {"exists"})


def test_a_probe_that_breaks_leaves_the_others_answers(tmp_path: Path) -> None:
    facts = probes.answer([{"probe": "nonsense"}, {"probe": "line"}, {"probe": "path", "path": "/", "want": []}])
    assert [set(f) for f in facts] == [{"error"}, {"error"}, {"exists", "type"}]
