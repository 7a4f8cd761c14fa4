"""The probe for authorized keys on real files, and that it and the calls mean the same lines."""

from __future__ import annotations

import os
import pwd
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.ansible.collections.ansible_collections.reconciler.fleet.plugins.module_utils.host import (
    probes,
)
from reconciler.kinds.authorized_key import AuthorizedKey, AuthorizedKeySpec

authorized_key = import_module(f"{probes.__name__}.authorized_key")

A = "AAAAC3NzaC1lZDI1NTE5AAAAIFVtKHdYnrDrjfwyOlFACAEE1ND6GrBB6BuyQ98AO3q1"
B = "AAAAC3NzaC1lZDI1NTE5AAAAIAbobzgpQiqBYNkKNbpcW/K8QXwEkl/upU97xslK2Osu"
FINGERPRINT = "SHA256:IZQ7KmHcUL8hf55jDTNQ6Ye3gldHBng7haG2Stl6am0"  # of A, as `ssh-keygen -l` shows it
NAME = "alice (home) + laptop"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with an empty ~/.ssh, of the user app."""
    entry = pwd.struct_passwd(("app", "x", os.getuid(), os.getgid(), "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: {"app": entry}[name])
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def look(user: str = "app", blob: str = A, comment: str = NAME) -> dict[str, Any]:
    (facts,) = probes.answer([{"probe": "authorized_key", "user": user, "blob": blob, "comment": comment}])
    return dict(facts)


def described(options: str = "", comment: str = "", kind: str = "ssh-ed25519") -> dict[str, str]:
    return {"type": kind, "fingerprint": FINGERPRINT, "options": options, "comment": comment}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        ("# a comment\n\n", []),
        (f"#ssh-ed25519 {A} {NAME}\n", []),
        (f"# no-pty ssh-ed25519 {A} {NAME}\n", []),
        (f"ssh-ed25519 {A}", [described()]),
        (f"ssh-ed25519 {A} {NAME}\r\n", [described(comment=NAME)]),
        (f"  ssh-ed25519\t{A}  two words \n", [described(comment="two words")]),
        (f'no-pty,command="a \\"b c\\" d" ssh-ed25519 {A} x\n', [described('no-pty,command="a \\"b c\\" d"', "x")]),
        (f'command="never closed ssh-ed25519 {A} x\n', []),
        (f"ssh-ed25519 {A} x\nssh-ed25519 {A} x\n", [described(comment="x")]),
        (f"ssh-ed25519 {A} x\nno-pty ssh-ed25519 {A} x\n", [described(comment="x"), described("no-pty", "x")]),
        (f"ssh-ed25519 {B} x\n", []),
        ("ssh-ed25519\n", []),
        ("ssh-rsa !no-base64 x\n", []),
    ],
)
def test_keys_are_found_by_themselves(text: str, keys: list[dict[str, str]], home: Path) -> None:
    (home / ".ssh/authorized_keys").write_text(text)
    assert look() == {"keys": keys}


def test_a_key_is_found_by_its_name_when_it_was_exchanged(home: Path) -> None:
    (home / ".ssh/authorized_keys").write_text(f"ssh-ed25519 {A} {NAME}\nssh-ed25519 {A} x\nssh-rsa !!! {NAME}\n")
    invalid = {"type": "ssh-rsa", "fingerprint": "invalid", "options": "", "comment": NAME}
    assert look(blob=B) == {"keys": [described(comment=NAME), invalid]}


def test_a_user_or_a_file_that_is_not_there_has_no_keys(home: Path) -> None:
    assert look() == {"keys": []}
    assert look(user="nobody-yet") == {"keys": []}


@pytest.mark.parametrize("link", [".ssh", ".ssh/authorized_keys"])
def test_links_are_not_followed(link: str, home: Path) -> None:
    (home / "elsewhere").mkdir()
    if link == ".ssh":
        (home / ".ssh").rmdir()
    (home / link).symlink_to(home / "elsewhere")
    assert look() == {"error": f"{home}/{link} is a symbolic link: it is neither read nor written"}


def test_what_is_no_list_of_keys_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / ".ssh/authorized_keys"
    path.mkdir()
    assert "Is a directory" in look()["error"]
    path.rmdir()
    monkeypatch.setattr(authorized_key, "LIMIT", 10)
    path.write_text("x" * 11)
    assert "larger than 10 bytes" in look()["error"]


OURS = [
    f"ssh-ed25519 {A}",
    f"ssh-ed25519 {A} somebody",
    f"  ssh-ed25519  {A}\t{NAME}",
    f'no-pty,command="a b" ssh-ed25519 {A} {NAME}',
    f"ssh-ed25519 {B} {NAME}",
    f'from="10.0.0.0/8" ssh-ed25519 {B} {NAME} ',
]
THEIRS = [
    "",
    "# a comment",
    f"#ssh-ed25519 {A} {NAME}",
    f"# ssh-ed25519 {B} {NAME}",
    f"ssh-ed25519 {B} somebody",
    f"ssh-ed25519 {B} not {NAME}",
    f"ssh-ed25519 {B} {NAME} two",
    f"ssh-ed25519 {B} alice (home) ++ laptop",
]


@pytest.mark.parametrize("line", OURS + THEIRS)
def test_the_lines_that_are_removed_are_those_that_the_probe_tells_of(line: str) -> None:
    """As lineinfile does it: a search over the bytes of the line, its end included."""
    spec = AuthorizedKeySpec(user="app", key=f"ssh-ed25519 {A}")
    (remove,) = AuthorizedKey().calls(NAME, spec, "delete")
    told = authorized_key.matching(authorized_key.read(line), A, NAME)
    for end in ("\n", "\r\n", ""):
        found = re.search(remove.args["regexp"].encode(), (line + end).encode())
        assert bool(found) == bool(told) == (line in OURS)


@pytest.mark.parametrize("line", [*OURS, f'no-pty,command="a b" ssh-ed25519 {A} {NAME}'])
def test_writing_removes_all_other_lines_of_ours_but_not_the_one_it_wrote(line: str) -> None:
    spec = AuthorizedKeySpec(user="app", key=f"ssh-ed25519 {A} c", options=("no-pty", 'command="a b"'))
    *_, write, tidy = AuthorizedKey().calls(NAME, spec, "update")
    for end in ("\n", "\r\n", ""):
        found = re.search(tidy.args["regexp"].encode(), (line + end).encode())
        assert bool(found) == (line != write.args["line"])
