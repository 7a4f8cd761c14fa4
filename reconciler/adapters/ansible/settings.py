"""How hosts are reached: what an operator sets, checked before anything is sent.

Values come from the operator, never from Git. They end in ssh options and in an `ansible.cfg`, so they may hold only
characters that mean nothing there.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reconciler.model.errors import Stalled

_HARMLESS = re.compile(r"/[\w@+=:,./-]*")
NO_CONFIG = "/dev/null"
_LONGEST_CACHE = 55
"""A socket's whole name has at most 107 letters, and ssh and we add some fifty."""
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*")


def _no_key() -> bytes:
    raise Stalled("there is no key for keyed digests", "set secrets.key_file")


def _cache() -> str:
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconciler")


@dataclass(frozen=True, slots=True)
class SshSettings:
    """`user` is for hosts that name none (empty: as ssh decides). Times are in seconds; `host_timeout` is for all that
    a host does in one round trip, `lock_wait` for a host that another run holds, `dead_after` for a connection that
    shows no sign of life. `python` is the interpreter on hosts.
    `ansible_playbook` is the program's path (empty: beside this Python, else on the PATH). What needs to be
    remembered between runs for speed alone goes to `cache_dir`. `forks` and `width` are how many hosts the standard and
    the fan-out carrier work on at once. `keep_connections` is for how long the standard carrier's stay open afterwards.
    `digest_key` gives the key that hosts' keyed digests are made with.
    """

    user: str = ""
    private_key_file: str = ""
    known_hosts_file: str = ""
    config_file: str = ""
    become_password_file: str = ""
    connect_timeout: int = 10
    host_timeout: int = 300
    lock_wait: int = 5
    dead_after: int = 45
    forks: int = 20
    width: int = 200
    keep_connections: int = 0
    carrier: Literal["auto", "standard", "fan-out"] = "auto"
    python: str = "/usr/bin/python3"
    ansible_playbook: str = ""
    cache_dir: str = field(default_factory=_cache)
    digest_key: Callable[[], bytes] = field(default=_no_key, repr=False)

    def checked(self) -> SshSettings:
        """The same, with the program found and every file looked at. Raises Stalled for the first that won't do."""
        for name in ("private_key_file", "known_hosts_file", "config_file", "become_password_file"):
            path = getattr(self, name)
            if path:
                _readable(name, path)
        for name in ("private_key_file", "become_password_file"):
            path = getattr(self, name)
            if path:
                _private(name, path)
        for name in ("python", "cache_dir"):
            _harmless(name, getattr(self, name))
        if self.user and not _USER.fullmatch(self.user):
            raise Stalled(f"ssh.user {self.user!r} is not the name of a user")
        if self.carrier == "fan-out" and self.config_file not in ("", NO_CONFIG):
            raise Stalled(
                "ssh.carrier is fan-out, but only the standard carrier reads ssh.config_file",
                'set ssh.carrier to "auto", or remove ssh.config_file',
            )
        if self.keep_connections and len(self.cache_dir) > _LONGEST_CACHE:
            raise Stalled(
                f"ssh.keep_connections: sockets can't be made in {self.cache_dir}, its name is too long",
                f"set cache_dir to one of at most {_LONGEST_CACHE} letters, or ssh.keep_connections to 0",
            )
        return _replaced(self, str(_playbook_program(self.ansible_playbook)))


def _replaced(settings: SshSettings, program: str) -> SshSettings:
    from dataclasses import replace

    return replace(settings, ansible_playbook=program)


def _harmless(name: str, path: str) -> None:
    if not _HARMLESS.fullmatch(path):
        raise Stalled(
            f"ssh.{name} {path!r} is not an absolute path of letters, digits and @ + = : , . / _ -",
            "give the whole path; if it has spaces or other signs in it, make a link to it without them",
        )


def _readable(name: str, path: str) -> None:
    _harmless(name, path)
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise Stalled(f"ssh.{name}: cannot read {path}: {error.strerror}", f"correct ssh.{name} or the file") from error


def _private(name: str, path: str) -> None:
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o077:
        raise Stalled(f"ssh.{name}: others can read {path} (mode {mode:04o})", f"chmod 600 {path}")
    # Ansible runs a password file that is executable, and takes what it prints.
    if name == "become_password_file" and mode & 0o100:
        raise Stalled(f"ssh.{name}: {path} is executable (mode {mode:04o})", f"chmod 600 {path}")


def _playbook_program(given: str) -> Path:
    if given:
        _harmless("ansible_playbook", given)
        if os.access(given, os.X_OK):
            return Path(given)
        raise Stalled(f"ssh.ansible_playbook: {given} is not a program", "correct ssh.ansible_playbook")
    beside = Path(sys.executable).parent / "ansible-playbook"
    found = beside if os.access(beside, os.X_OK) else shutil.which("ansible-playbook")
    if not found:
        raise Stalled(
            "ansible-playbook is neither beside this Python nor on the PATH",
            "install ansible-core, or set ssh.ansible_playbook",
        )
    return Path(found)
