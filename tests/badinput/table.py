"""Repositories, stores, settings and options that nobody should hand us: the damage, the command, what must be said."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tests.cli.place import Place

Spoil = Callable[[Place], object]
"""Does the damage to a place that has a good host (web-1) and a good service (web)."""


@dataclass(frozen=True)
class Case:
    """`words` must all be in what is said: what is wrong, where, what to do. `verdict`: the rest is fine. It may say
    at most so many characters, and take so many seconds of the processor."""

    name: str
    spoil: Spoil
    words: tuple[str, ...]
    arguments: tuple[str, ...] = ("validate",)
    code: int = 1
    verdict: bool = False
    longest: int = 10_000
    seconds: float = 2


def no_commit(place: Place) -> None:
    place.git("update-ref", "-d", "HEAD")


def nothing_left(place: Place) -> None:
    place.git("rm", "-rq", "services", "hosts")
    place.commit()


def no_repository(place: Place) -> None:
    (place.state / ".git").rename(place.base / "gone")


def torn_repository(place: Place) -> None:
    for path in (place.state / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"torn")


def symlink(place: Place) -> None:
    place.write({"files/real": "x"})
    (place.state / "services/link.yaml").symlink_to("/etc/passwd")
    place.commit()


def submodule(place: Place) -> None:
    sha = place.git("rev-parse", "HEAD")
    place.git("update-index", "--add", "--cacheinfo", f"160000,{sha},other")
    place.git("commit", "-q", "-m", "submodule")


def odd_name(place: Place) -> None:
    os.close(os.open(os.fsencode(place.state) + b"/services/\xff\x1b[31m.yaml", os.O_CREAT | os.O_WRONLY))
    place.commit()


def corrupt_store(place: Place) -> None:
    (place.base / "store.db").write_bytes(b"SQLite format 3\x00" + b"\x99" * 8192)


def foreign_store(place: Place) -> None:
    with sqlite3.connect(place.base / "store.db") as file:
        file.execute("create table invoices (id integer)")


def newer_store(place: Place) -> None:
    assert place.run("runs", "--store", "../store.db").code == 0
    with sqlite3.connect(place.base / "store.db") as file:
        file.execute("update alembic_version set version_num = '9999'")


def folder_as_store(place: Place) -> None:
    (place.base / "store.db").mkdir()


def settings(text: str | bytes) -> Spoil:
    return lambda place: place.write({"reconciler.toml": text})


def nothing(place: Place) -> None:
    """The arguments are bad enough."""


STORE = ("runs", "--store", "../store.db")

REPOSITORIES = (
    Case("no commit", no_commit, ("has no commit yet", "reconciler init")),
    Case("no documents", nothing_left, ("there is no document", "at revision", "reconciler init")),
    Case(
        "missing path",
        nothing,
        ("the path nowhere is not there", "directories there: hosts, services"),
        ("validate", "--path", "nowhere"),
    ),
    Case("path out of the repository", nothing, ("..",), ("validate", "--path", "../..")),
    Case(
        "unknown revision", nothing, ("'v9' is no branch, tag or commit", "branches: main"), ("validate", "--rev", "v9")
    ),
    Case("revision that is an option", nothing, ("--upload-pack=x",), ("validate", "--rev=--upload-pack=x")),
    Case("revision with an operator", nothing, ("HEAD~1",), ("validate", "--rev", "HEAD~1")),
    Case("not a repository", no_repository, ("is not a Git repository", "another path", "git init")),
    Case("no such folder", nothing, ("/nowhere",), ("validate", "--repo", "/nowhere")),
    Case("ext transport", nothing, ("ext::", "https"), ("validate", "--repo", "ext::sh -c id")),
    Case("torn repository", torn_repository, ("has no commit that can be read", "branches: main")),
    Case("symlink", symlink, ("services/link.yaml:1:1", "symbolic link", "put the file itself there"), verdict=True),
    Case("submodule", submodule, ("other:1:1", "submodule"), verdict=True),
    Case("odd name", odd_name, ("services/", "name"), verdict=True),
)
SURROUNDINGS = (
    Case("corrupt store", corrupt_store, ("store.db", "not"), STORE),
    Case("somebody else's database", foreign_store, ("store.db",), STORE),
    Case("newer store", newer_store, ("store.db", "newer"), STORE),
    Case("folder as store", folder_as_store, ("store.db",), STORE),
    Case(
        "store in no folder",
        nothing,
        ("directory /nowhere is not there", "make it"),
        ("runs", "--store", "/nowhere/store.db"),
    ),
    Case("no such settings", nothing, ("mine.toml", "--config"), ("validate", "--config", "mine.toml")),
    Case("folder as settings", nothing, ("hosts", "directory"), ("validate", "--config", "hosts")),
    Case("settings that are no TOML", settings("deletes: 3"), ("reconciler.toml is not TOML", "line 1")),
    Case("settings that are no text", settings(b"\xff\xfe"), ("reconciler.toml is not TOML",)),
    Case("unknown setting", settings("alow_local = true"), ("alow_local is no setting", "allow_local")),
    Case("unknown setting in a section", settings("[ssh]\nforcks = 3"), ("ssh.forcks", "ssh.forks")),
    Case(
        "setting of a wrong type", settings("[limits]\ndeletes = -1"), ("limits.deletes", "-1", "docs/configuration.md")
    ),
    Case("unknown host", nothing, ("no host 'web-9'", '"web-1"'), ("why", "web-9", "file//etc/web.conf")),
    Case(
        "unknown resource",
        nothing,
        ("file//etc/wbe.conf", '"file//etc/web.conf"'),
        ("why", "web-1", "file//etc/wbe.conf"),
    ),
    Case("no resource", nothing, ("'nginx'",), ("why", "web-1", "nginx")),
    Case("unknown run", nothing, ("no run 7", "reconciler runs"), ("runs", "show", "7")),
    Case("unknown schema", nothing, ("'pod'", "reconciler schema"), ("schema", "pod")),
)
