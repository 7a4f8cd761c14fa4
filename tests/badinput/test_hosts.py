"""Hosts in trouble: each is told about, and the others get what they should have."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.badinput.broken import host
from tests.cli.place import WEB, Place, place_in


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = place_in(tmp_path_factory.mktemp("pair"))
    place.host("web-1")
    place.host("web-2")
    place.commit({"services/web.yaml": WEB})
    return place


@pytest.fixture
def full(pair: Place) -> Iterator[Place]:
    """The first host's disk has room for next to nothing."""
    root = str(pair.root("web-1"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", root], check=True)
    try:
        (pair.root("web-1") / "etc").mkdir()
        yield pair
    finally:
        subprocess.run(["umount", root], check=True)


@pytest.mark.machines
def test_a_full_disk(full: Place) -> None:
    large = "    - file: /etc/large\n      content: |\n" + "        0123456789abcdef\n" * 20_000
    full.commit({"services/web.yaml": WEB + large})
    said = full.run("apply", "--yes")
    assert said.code == 1
    assert "on web-1" in said.out
    assert "No space left on device" in said.out
    assert (full.root("web-2") / "etc/large").stat().st_size == 17 * 20_000
    assert "web-2" not in said.out.partition("Failed")[2]


def test_a_port_where_nobody_listens(pair: Place) -> None:
    far = host("far", "{address: 127.0.0.1, port: 1}").replace("name: far", "name: far, labels: {role: web}")
    pair.commit({"hosts/far.yaml": far})
    said = pair.run("apply", "--yes")
    assert said.code == 0
    assert "far can't be reached: ssh: connection refused" in said.out
    assert said.out.splitlines()[-1] == "Run 1 succeeded: 4 created, 0 updated, 0 deleted on 2 hosts."
    observed = pair.run("observe", "--output", "json").document
    assert (observed["answered"], observed["unreachable"]) == (2, {"far": "ssh: connection refused"})


def test_a_root_that_is_not_there(pair: Place) -> None:
    away = pair.root("web-1")
    away.rename(away.with_name("away"))
    said = pair.run("apply", "--yes")
    assert "web-1 can't be reached" in said.out
    assert str(away) in said.out
    assert (pair.root("web-2") / "etc/web.conf").exists()
    assert not away.exists()
