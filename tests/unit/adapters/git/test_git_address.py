"""Which addresses of repositories are taken, and what is said to those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.adapters.git.address import Local, Remote, parse_address
from reconciler.model.errors import Stalled


@pytest.mark.parametrize(
    ("text", "transport", "origin"),
    [
        ("https://git.example.com/fleet.git", "https", ("https", "git.example.com", 443)),
        ("https://ada@git.example.com:8443/fleet", "https", ("https", "git.example.com", 8443)),
        ("HTTPS://Git.Example.com/fleet", "https", ("https", "git.example.com", 443)),
        ("ssh://git@git.example.com:2222/fleet.git", "ssh", ("ssh", "git.example.com", 2222)),
        ("git@git.example.com:team/fleet.git", "ssh", ("ssh", "git.example.com", None)),
        ("git.example.com:fleet.git", "ssh", ("ssh", "git.example.com", None)),
        ("git@[::1]:fleet.git", "ssh", ("ssh", "[::1]", None)),
    ],
)
def test_remote_ones(text, transport, origin):
    assert parse_address(text) == Remote(text, transport, origin)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/srv/fleet.git", "/srv/fleet.git"),
        ("/srv/a:b", "/srv/a:b"),
        ("fleet", str(Path.cwd() / "fleet")),
        ("./a:b", str(Path.cwd() / "a:b")),
        ("file:///srv/my%20fleet", "/srv/my fleet"),
        ("file://localhost/srv/fleet", "/srv/fleet"),
    ],
)
def test_local_ones(text, path):
    assert parse_address(text) == Local(Path(path))


def test_a_file_with_a_colon_in_its_name_is_local(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "host:fleet").mkdir()
    assert parse_address("host:fleet") == Local(tmp_path / "host:fleet")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not the address"),
        (" /srv/fleet", "not the address"),
        ("https://example.com/a\nb", "not the address"),
        ("--upload-pack=touch /tmp/x", "begins with a dash"),
        ("ext::sh -c touch% /tmp/x", "program to be run"),
        ("fd::17", "program to be run"),
        ("git://example.com/fleet", "not read over git://"),
        ("ftp://example.com/fleet", "not read over ftp://"),
        ("file://elsewhere/srv", "not read over file://"),
        ("http://example.com/fleet", "unprotected"),
        ("https:///fleet", "not the address"),
        ("https://ada:secret@example.com/fleet", "holds a password"),
        ("https://example.com/fleet?token=secret", "behind a ?"),
        ("https://example.com:port/fleet", "not the address"),
        ("ssh://ada:secret@example.com/fleet", "holds a password"),
        ("ssh://-oProxyCommand=touch/fleet", "begins with a dash"),
        ("ssh://-oProxyCommand@example.com/fleet", "begins with a dash"),
        ("git@example.com:-fleet", "begins with a dash"),
        ("ssh://example.com", "not the address"),
        ("example.com:", "not the address"),
    ],
)
def test_refused_ones(text, says):
    with pytest.raises(Stalled) as stalled:
        parse_address(text)
    assert says in stalled.value.message
    assert stalled.value.hint
    assert "secret" not in stalled.value.message


def test_a_token_in_the_place_of_a_user_is_not_shown():
    assert str(parse_address("https://secret@example.com:8443/fleet")) == "https://example.com:8443/fleet"


def test_http_only_where_it_is_allowed():
    assert parse_address("http://example.com/fleet", allow_http=True).origin == ("http", "example.com", 80)
