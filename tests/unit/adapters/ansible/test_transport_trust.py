"""known_hosts as ssh reads it: by name and port, hashed or not, and never by an address that nobody asked for."""

from __future__ import annotations

import importlib
import subprocess

import asyncssh
import pytest


@pytest.fixture
def trust(plugins):
    return importlib.import_module(f"{plugins}.trust")


@pytest.fixture(scope="module")
def keys() -> list[str]:
    return [asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip() for _ in range(3)]


def _names(trust, file, keys, place) -> list[list[int]]:
    """Which of the keys are trusted, which are authorities, which are revoked."""
    given = [" ".join(key.split()[:2]) for key in keys]
    found = trust.Trusted(str(file), [place, ("other", 22)]).of(*place)
    shown = [[key.export_public_key().decode().strip() for key in part] for part in found[:3]]
    return [[given.index(" ".join(key.split()[:2])) for key in part] for part in shown]


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        (["web-1 {0}"], ("web-1", 22), [[0], [], []]),
        (["web-1,10.0.0.1 {0}", "web-2 {1}"], ("10.0.0.1", 22), [[0], [], []]),
        (["[web-1]:2222 {0}", "web-1 {1}"], ("web-1", 2222), [[0], [], []]),
        (["web-1 {1}"], ("web-1", 2222), [[1], [], []]),
        (["[web-1]:2222 {0}"], ("web-1", 22), [[], [], []]),
        (["*.example.com,!bad.example.com {0}"], ("a.example.com", 22), [[0], [], []]),
        (["*.example.com,!bad.example.com {0}"], ("bad.example.com", 22), [[], [], []]),
        (["@cert-authority *.example.com {2}", "@revoked * {1}"], ("a.example.com", 22), [[], [2], [1]]),
        (["web-1 {0}", "web-1 {1}"], ("web-1", 22), [[0, 1], [], []]),
        (["# web-1 {0}", "web-1", "web-1 no-key at all", "", "@odd web-1 {1}"], ("web-1", 22), [[], [], []]),
        (["other {0}"], ("web-1", 22), [[], [], []]),
    ],
)
def test_keys_of_a_place(trust, tmp_path, keys, lines, place, expected):
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(lines).format(*keys) + "\n")
    assert _names(trust, file, keys, place) == expected


def test_names_may_be_hashed(trust, tmp_path, keys):
    file = tmp_path / "known_hosts"
    file.write_text(f"[web-1]:2222 {keys[0]}\nweb-2 {keys[1]}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert "web" not in file.read_text()
    assert _names(trust, file, keys, ("web-1", 2222)) == [[0], [], []]
    assert _names(trust, file, keys, ("web-3", 22)) == [[], [], []]


def test_without_a_file_nobody_is_trusted(trust, tmp_path):
    assert not trust.any_key(trust.Trusted(str(tmp_path / "none"), [("web-1", 22)]).of("web-1", 22))
