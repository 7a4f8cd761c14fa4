"""Settings that can't work are told before anything is sent, and what remains is pinned."""

from __future__ import annotations

import configparser
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.ansible import configuration
from reconciler.adapters.ansible.choice import Way
from reconciler.adapters.ansible.leash import environment
from reconciler.adapters.ansible.settings import SshSettings
from reconciler.model.errors import Stalled


def _file(path: Path, mode: int = 0o600) -> str:
    path.write_text("x")
    path.chmod(mode)
    return str(path)


def test_files_and_program_are_found(tmp_path):
    key, known = _file(tmp_path / "key"), _file(tmp_path / "known", 0o644)
    checked = SshSettings(private_key_file=key, known_hosts_file=known, cache_dir=str(tmp_path)).checked()
    assert checked.ansible_playbook == str(Path(sys.executable).parent / "ansible-playbook")


@pytest.mark.parametrize(
    ("name", "mode", "says"),
    [
        ("private_key_file", 0o640, "others can read"),
        ("become_password_file", 0o644, "others can read"),
        ("become_password_file", 0o700, "executable"),
        ("private_key_file", None, "No such file"),
        ("known_hosts_file", None, "No such file"),
        ("config_file", None, "No such file"),
        ("ansible_playbook", 0o600, "not a program"),
    ],
)
def test_files_that_will_not_do(tmp_path, name, mode, says):
    path = tmp_path / "file"
    if mode is not None:
        _file(path, mode)
    with pytest.raises(Stalled, match=says) as raised:
        SshSettings(**{name: str(path)}, cache_dir=str(tmp_path)).checked()
    assert str(path) in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    "path", ["relative/key", "/a b", "/a;b", "/{{ x }}", "/a\nforks = 1", "/a%h", "/a$HOME", '/a"b']
)
@pytest.mark.parametrize(
    "name", ["private_key_file", "known_hosts_file", "become_password_file", "python", "cache_dir"]
)
def test_paths_that_mean_something_in_a_configuration(tmp_path, name, path):
    with pytest.raises(Stalled, match="not an absolute path"):
        SshSettings(**{"cache_dir": str(tmp_path), name: path}).checked()


def test_user_is_a_name(tmp_path):
    with pytest.raises(Stalled, match="name of a user"):
        SshSettings(user="-oX", cache_dir=str(tmp_path)).checked()


def _cfg(settings: SshSettings, way: Way = "standard") -> configparser.ConfigParser:
    places = configuration.Places(Path("/run"), [Path("/c1"), Path("/c2")], Path("/cb"))
    text = configuration.ansible_cfg(settings, places, way)
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    parser.read_string(text)
    return parser


def test_configuration_is_pinned():
    cfg = _cfg(SshSettings(forks=7, connect_timeout=3, private_key_file="/k", known_hosts_file="/h", config_file="/c"))
    assert cfg["defaults"]["forks"] == "7"
    assert cfg["defaults"]["timeout"] == "3"
    assert cfg["defaults"]["host_key_checking"] == "True"
    assert cfg["defaults"]["collections_path"] == "/c1:/c2"
    args = cfg["ssh_connection"]["ssh_args"].split()
    assert args[:2] == ["-F", "/c"]
    for option in (
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "IdentityFile=/k",
        "IdentitiesOnly=yes",
        "UserKnownHostsFile=/h",
    ):
        assert option in args


def test_connections_are_kept_where_nobody_with_other_trust_finds_them(tmp_path):
    settings = SshSettings(keep_connections=60, known_hosts_file="/h", cache_dir="/c")
    assert "ControlPersist=60" in _cfg(settings)["ssh_connection"]["ssh_args"]
    assert "ControlPersist" not in _cfg(SshSettings(cache_dir="/c"))["ssh_connection"]["ssh_args"]
    others = [replace(settings, **{name: "/x"}) for name in ("known_hosts_file", "private_key_file", "config_file")]
    assert len({configuration.connections(each) for each in (settings, *others)}) == 4
    with pytest.raises(Stalled, match="too long"):
        SshSettings(keep_connections=60, cache_dir="/" + "c" * 60).checked()


def test_one_host_has_a_limit_and_many_in_one_task_have_each_their_own():
    settings = SshSettings(host_timeout=100, connect_timeout=10, lock_wait=5)
    assert configuration.host_limit(settings) == 175
    assert _cfg(settings)["defaults"]["task_timeout"] == "175"
    assert _cfg(settings, "fan-out")["defaults"]["task_timeout"] == "0"
    actions = [configuration.playbook(Path("/run"), way)[0]["tasks"][0] for way in ("standard", "fan-out")]
    assert [set(action) - {"name"} for action in actions] == [{"reconciler.fleet.program"}, {"reconciler.fleet.fanout"}]


def test_ansible_sees_nothing_of_our_environment():
    given = {
        "PATH": "/bin",
        "SSH_AUTH_SOCK": "/s",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_CONFIG": "/evil",
        "PYTHONPATH": "/evil",
        "TOKEN": "secret",
        "AWX_ISOLATED_DATA_DIR": "/a",
    }
    assert environment(given, Path("/run")) == {
        "PATH": "/bin",
        "SSH_AUTH_SOCK": "/s",
        "AWX_ISOLATED_DATA_DIR": "/a",
        "ANSIBLE_CONFIG": "/run/ansible.cfg",
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
    }
